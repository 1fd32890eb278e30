// `understudy rules diff`: what `rules apply` would change.

import { diffRules, isEmpty } from "../control/rules/registry/rule-diff.ts";
import { type Command, exitCodes } from "./command.ts";
import { diffJson, diffSummary, diffText, rulesInForce, rulesOfFiles } from "./rule-changes.ts";
import { storeExitHelp, storeFlagsHelp, withStore } from "./store-line.ts";

const help = `Usage: understudy rules diff FILE|FOLDER... --store URL [FLAGS]

Shows what understudy rules apply would change: rules that would come (+), go
(-) and change (~), with their lines. Nothing is written.

${storeFlagsHelp}
${storeExitHelp("0 no difference, 1 some")}
`;

export const rulesDiff: Command = {
  name: "rules diff",
  summary: "Show what applying files to a store would change",
  help,
  run(args, shell) {
    const operands = { what: "a file or a folder of rules", least: 1, most: 100 };
    return withStore(args, shell, { command: "rules diff", operands }, async (line, signal) => {
      const rules = await rulesOfFiles(line.operands, shell);
      const diff = diffRules(rulesInForce(await line.registry.state(signal)), rules);
      if (line.json) shell.stdout.write(`${JSON.stringify(diffJson(diff))}\n`);
      else shell.stdout.write(`${diffText(diff, shell)}${diffSummary(diff)}\n`);
      return isEmpty(diff) ? exitCodes.ok : exitCodes.failed;
    });
  },
};
