// Stops faults: between the rules of the store and the traffic, so that one switch takes the harm out of them.

import { FaultControl } from "../control/faults/fault-control.ts";
import { HarmlessRules } from "../control/faults/harmless-rules.ts";
import type { Clock } from "../core/clock.ts";
import { noRules, type RuleSet } from "../core/rule-set.ts";
import type { Tap } from "../core/tap.ts";
import type { OpenRules } from "./rules.ts";

/** What stops faults, and what is left in force then. */
export interface FaultBrake {
  readonly control: FaultControl;
  /** What is in force: the rules, or, while faults are stopped, the rules without them. */
  readonly rules: () => RuleSet;
}

/** Without rules there is nothing to stop, and saying so does no harm. */
export function faultBrake(
  { store, compile }: OpenRules,
  clock: Clock,
  tap: Tap,
  signal: AbortSignal,
): FaultBrake {
  if (store === null || compile === null) {
    const rules = () => noRules;
    return { control: new FaultControl({ harmless: null, rules, tap }), rules };
  }
  const all = () => store.rules();
  const harmless = new HarmlessRules({ rules: all, compile, empty: noRules, clock, tap, signal });
  return { control: new FaultControl({ harmless, rules: all, tap }), rules: () => harmless.rules() };
}
