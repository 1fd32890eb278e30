// Where a serving command has its rules read: in a process of its own, which it loads only if there are rules.

import type { RuleReader } from "../control/rules/reader/rule-reader.ts";
import { systemClock } from "../core/clock.ts";
import type { Shell } from "./command.ts";

/** For the options of a sidecar. `rules`: file or folder; null where there are none. */
export async function ruleReaderFor(
  rules: string | null,
  shell: Pick<Shell, "env" | "uid">,
): Promise<{ readonly ruleReader?: RuleReader }> {
  if (rules === null) return {};
  const { keptBeside, processReader } = await import("../control/rules/reader/process-reader.ts");
  const kept = keptBeside(shell.uid);
  return { ruleReader: processReader({ clock: systemClock, env: shell.env, kept }) };
}
