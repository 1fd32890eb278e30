// What is left of a rule while all faults are stopped. A rule that is nothing but a fault claims nothing then; of any other
// its mock and its patches go on, with the state that they have, since they are the very same.

import type { RuleSpec } from "../../core/rule.ts";
import type { Rule } from "../../core/rule-set.ts";
import type { Key } from "./key.ts";

export function isOnlyFault({ fault, respond, patch }: RuleSpec): boolean {
  return fault !== null && respond === null && patch === null;
}

/** undefined: the rule itself, or nothing, is left. */
export function calmRule(rule: Rule): Rule | undefined {
  const { spec, effects } = rule;
  if (spec.fault === null || isOnlyFault(spec)) return undefined;
  return Object.freeze({ ...rule, effects: effects.filter(({ fault, forFault }) => !fault && !forFault) });
}

/** Of a rule that is nothing but a fault. */
export const faultsKey: Key = {
  name: "faults",
  anchor: null,
  test: (call) => !call.roll.faultsHalted,
  expected: () => "faults that are not stopped",
  actual: () => "stopped",
};
