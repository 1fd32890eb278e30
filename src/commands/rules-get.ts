// `understudy rules get`: one rule of a store, as it stands there.

import type { RegistryState } from "../control/rules/registry/registry-state.ts";
import { UnderstudyError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { rulesInForce } from "./rule-changes.ts";
import { storeExitHelp, storeFlagsHelp, withStore } from "./store-line.ts";

const help = `Usage: understudy rules get NAME --store URL [FLAGS]

Shows one rule as it stands in the store: applied, written by hand, or of an
owner.

${storeFlagsHelp}
${storeExitHelp("0, 69 also where there is no such rule")}
`;

export const rulesGet: Command = {
  name: "rules get",
  summary: "Show a rule of a store",
  help,
  run(args, shell) {
    const operands = { what: "the name of one rule", least: 1, most: 1 };
    return withStore(args, shell, { command: "rules get", operands }, async (line, signal) => {
      const [name = ""] = line.operands;
      const text = textOf(name, await line.registry.state(signal));
      if (text === undefined)
        throw new UnderstudyError("not_found", `${name}: no such rule in ${line.store.name}`);
      if (line.json) shell.stdout.write(`${JSON.stringify({ name, text })}\n`);
      else shell.stdout.write(shownText(text, shell));
      return exitCodes.ok;
    });
  },
};

/** As it stands; at a terminal nothing of it is obeyed. */
function shownText(text: string, { stdout }: Shell): string {
  const lines = text.replace(/\n$/, "").split("\n");
  const shown = stdout.isTTY ? lines.map((line) => printable(line)) : lines;
  return `${shown.join("\n")}\n`;
}

function textOf(name: string, state: RegistryState): string | undefined {
  const owned = [...state.leased.values()].flatMap(({ rules }) => rules);
  return (
    [...rulesInForce(state), ...owned].find((rule) => rule.name === name)?.text ??
    state.written.get(name)?.value
  );
}
