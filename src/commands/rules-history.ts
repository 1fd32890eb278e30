// `understudy rules history`: the versions of the applied rules that are kept.

import { type Command, exitCodes } from "./command.ts";
import { storeExitHelp, storeFlagsHelp, withStore } from "./store-line.ts";
import { textTable, timeText } from "./text-table.ts";

const help = `Usage: understudy rules history --store URL [FLAGS]

Lists the versions of the applied rules, the newest first. understudy rules
rollback puts one of them in force again.

${storeFlagsHelp}
${storeExitHelp("0")}
`;

export const rulesHistory: Command = {
  name: "rules history",
  summary: "List the versions of the rules of a store",
  help,
  run(args, shell) {
    const operands = { what: "no operand", least: 0, most: 0 };
    return withStore(args, shell, { command: "rules history", operands }, async (line, signal) => {
      const { manifest } = await line.registry.state(signal);
      const { manifests } = await line.registry.past(signal);
      const newest = manifest?.value;
      const versions = [
        ...manifests.filter(({ version }) => version < (newest?.version ?? 0)),
        ...(newest ? [newest] : []),
      ];
      const rows = versions.reverse().map(({ version, atMs, author, reason, rules }) => ({
        version,
        at: timeText(atMs),
        author,
        reason,
        rules: rules.length,
        inForce: version === newest?.version,
      }));
      const cells = rows.map((row) => [
        `${row.version}${row.inForce ? " *" : ""}`,
        ...[row.at, row.author, String(row.rules), row.reason],
      ]);
      if (line.json) shell.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      else if (rows.length === 0) shell.stdout.write("nothing was applied yet\n");
      else shell.stdout.write(textTable(["VERSION", "AT", "BY", "RULES", "REASON"], cells));
      return exitCodes.ok;
    });
  },
};
