// `understudy rules rm`: takes one rule out of a store.

import type { RegistryState } from "../control/rules/registry/registry-state.ts";
import { UnderstudyError } from "../core/errors.ts";
import type { Command } from "./command.ts";
import { changeFlags, changeHelp, finishChange } from "./finish-change.ts";
import { rulesInForce } from "./rule-changes.ts";
import { type StoreLine, storeExitHelp, storeFlagsHelp, withStore } from "./store-line.ts";

const help = `Usage: understudy rules rm NAME --store URL [FLAGS]

Removes one rule: an applied one, which makes a new version, or one that was
written by hand. Rules of an owner end with their owner.

${changeHelp}
${storeFlagsHelp}
${storeExitHelp("0, 1 some sidecar lags (--wait), 69 also where there is no such rule")}
`;

export const rulesRm: Command = {
  name: "rules rm",
  summary: "Remove a rule from a store",
  help,
  run(args, shell) {
    const operands = { what: "the name of one rule", least: 1, most: 1 };
    const spec = { command: "rules rm", flags: changeFlags, operands } as const;
    return withStore(args, shell, spec, async (line, signal) => {
      const [name = ""] = line.operands;
      const index = await remove(name, line, await line.registry.state(signal), signal);
      if (!line.json) shell.stdout.write(`${name} is removed\n`);
      return finishChange(line, shell, signal, index, { removed: name, index });
    });
  },
};

/** The store's counter at the removal. */
async function remove(
  name: string,
  line: StoreLine,
  seen: RegistryState,
  signal: AbortSignal,
): Promise<number> {
  const rules = rulesInForce(seen);
  if (rules.some((rule) => rule.name === name)) {
    const rest = rules.filter((rule) => rule.name !== name);
    return (await line.registry.put(rest, `rm ${name}`, seen, signal)).index;
  }
  if (seen.written.has(name)) return (await line.registry.removeWritten(name, seen, signal)).index;
  throw new UnderstudyError("not_found", `${name}: no such rule in ${line.store.name}`);
}
