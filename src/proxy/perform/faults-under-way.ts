// Faults that calls are suffering at this moment. A fault never outlives its rule: when the rule is no longer in force,
// its time is over, or all faults are stopped, what is under way ends, and the call goes on without it.

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../core/clock.ts";
import type { Deadlined, Deadlines } from "../../core/deadlines.ts";
import type { RuleSpec } from "../../core/rule.ts";
import type { Rule, RuleSet } from "../../core/rule-set.ts";

export interface FaultsUnderWayDeps {
  /** The rules in force. */
  readonly rules: () => RuleSet;
  /** Whether all of them have to end. */
  readonly faultsHalted: () => boolean;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/** Looked at once a tick, and only while there are any. */
export class FaultsUnderWay implements Deadlined {
  /** Always over: the deadlines call at each tick. */
  readonly deadlineAt = 0;
  seat = -1;
  readonly #deps: FaultsUnderWayDeps;
  readonly #sufferers = new Map<Rule, Set<AbortController>>();

  constructor(deps: FaultsUnderWayDeps) {
    this.#deps = deps;
  }

  /** A call begins to suffer. The signal aborts when the fault has to end; `leave` when the call has ended by itself. */
  enter(rule: Rule): { readonly ends: AbortSignal; leave(): void } {
    const controller = new AbortController();
    const others = this.#sufferers.get(rule);
    if (others) others.add(controller);
    else this.#sufferers.set(rule, new Set([controller]));
    this.#deps.deadlines.add(this);
    return { ends: controller.signal, leave: () => this.#leave(rule, controller) };
  }

  #leave(rule: Rule, controller: AbortController): void {
    const sufferers = this.#sufferers.get(rule);
    sufferers?.delete(controller);
    if (sufferers?.size === 0) this.#sufferers.delete(rule);
    if (this.#sufferers.size === 0) this.#deps.deadlines.remove(this);
  }

  expire(): void {
    const { rules, clock, faultsHalted } = this.#deps;
    const halted = faultsHalted();
    const inForce = rules();
    const nowMs = clock.wall();
    for (const [rule, sufferers] of [...this.#sufferers]) {
      if (!halted && isInForce(rule, inForce, nowMs)) continue;
      this.#sufferers.delete(rule);
      for (const controller of sufferers) controller.abort();
    }
    if (this.#sufferers.size === 0) this.#deps.deadlines.remove(this);
  }
}

function isInForce(rule: Rule, { rules }: RuleSet, nowMs: number): boolean {
  const { expiresAtMs } = rule.spec.scope;
  if (expiresAtMs !== null && expiresAtMs <= nowMs) return false;
  return rules.some((other) => other === rule || isSame(other.spec, rule.spec));
}

/** A rule that a reload brought again unchanged goes on. */
function isSame(a: RuleSpec, b: RuleSpec): boolean {
  return a.name === b.name && isDeepStrictEqual({ ...a, origin: "" }, { ...b, origin: "" });
}
