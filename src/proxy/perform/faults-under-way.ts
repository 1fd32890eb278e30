// What rules are doing at this moment that lasts: faults that calls are suffering, and all that is done to the messages of a
// connection. Nothing of it outlives its rule: when the rule is no longer in force, its time is over, or, of faults, all are
// stopped or the sidecar goes down, what is under way ends, and the call goes on without it.

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../core/clock.ts";
import type { Deadlined, Deadlines } from "../../core/deadlines.ts";
import { isOver } from "../../core/lifetime.ts";
import type { RuleSpec } from "../../core/rule.ts";
import type { Rule, RuleSet } from "../../core/rule-set.ts";

export interface FaultsUnderWayDeps {
  /** The rules in force. */
  readonly rules: () => RuleSet;
  /** Whether all faults that are under way have to end. */
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
  readonly #sufferers = new Map<Rule, Sufferers>();

  constructor(deps: FaultsUnderWayDeps) {
    this.#deps = deps;
  }

  /**
   * A rule begins to act on a call or a connection. The signal aborts when that has to end; `leave` when it has ended by
   * itself. `isFault`: it ends also where all faults are stopped.
   */
  enter(rule: Rule, isFault: boolean): { readonly ends: AbortSignal; leave(): void } {
    const controller = new AbortController();
    const others = this.#sufferers.get(rule);
    if (others) others.controllers.set(controller, isFault);
    else this.#sufferers.set(rule, { controllers: new Map([[controller, isFault]]), stoodIn: null });
    this.#deps.deadlines.add(this);
    return { ends: controller.signal, leave: () => this.#leave(rule, controller) };
  }

  #leave(rule: Rule, controller: AbortController): void {
    const sufferers = this.#sufferers.get(rule);
    sufferers?.controllers.delete(controller);
    if (sufferers?.controllers.size === 0) this.#sufferers.delete(rule);
    if (this.#sufferers.size === 0) this.#deps.deadlines.remove(this);
  }

  expire(): void {
    const { rules, clock, faultsHalted } = this.#deps;
    const halted = faultsHalted();
    const inForce = rules();
    const nowMs = clock.wall();
    const steadyMs = () => clock.now();
    for (const [rule, sufferers] of [...this.#sufferers]) {
      if (
        !isOver(rule.spec.scope, nowMs, steadyMs) &&
        (sufferers.stoodIn === inForce || stands(rule, inForce))
      ) {
        sufferers.stoodIn = inForce;
        if (halted) this.#end(rule, sufferers, true);
      } else this.#end(rule, sufferers, false);
    }
    if (this.#sufferers.size === 0) this.#deps.deadlines.remove(this);
  }

  #end(rule: Rule, { controllers }: Sufferers, faultsOnly: boolean): void {
    for (const [controller, isFault] of [...controllers]) {
      if (faultsOnly && !isFault) continue;
      controllers.delete(controller);
      controller.abort();
    }
    if (controllers.size === 0) this.#sufferers.delete(rule);
  }
}

interface Sufferers {
  /** Each with whether it is a fault. */
  readonly controllers: Map<AbortController, boolean>;
  /** The rules among which it was found last: they need not be searched again. */
  stoodIn: RuleSet | null;
}

/** By its spec, because what acts on messages may be a share of a rule. */
function stands({ spec }: Rule, { rules }: RuleSet): boolean {
  return rules.some((other) => other.spec === spec || isSame(other.spec, spec));
}

/** A rule that a reload brought again unchanged goes on. */
function isSame(a: RuleSpec, b: RuleSpec): boolean {
  return a.name === b.name && isDeepStrictEqual({ ...a, origin: "" }, { ...b, origin: "" });
}
