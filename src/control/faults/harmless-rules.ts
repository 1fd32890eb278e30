// The rules in force, or, while faults are stopped, the same rules without any fault: mocks and patches go on, a rule that is
// nothing but a fault is not there. What calls suffer at that moment ends because its rule is no longer in force.

import { type Clock, sleep } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { RuleSpec } from "../../core/rule.ts";
import type { Compile, RuleSet } from "../../core/rule-set.ts";
import type { Tap } from "../../core/tap.ts";

export interface HarmlessRulesDeps {
  /** The rules in force, faults and all. */
  readonly rules: () => RuleSet;
  readonly compile: Compile;
  readonly empty: RuleSet;
  readonly clock: Clock;
  readonly tap: Tap;
  readonly signal: AbortSignal;
}

/** Compiling may take so long; then there are no rules at all until it is done: a stop must not wait. */
const patienceMs = 400;

export class HarmlessRules {
  readonly #deps: HarmlessRulesDeps;
  #halted = false;
  /** While halted: what is in force. null: still all of them, for a moment. */
  #harmless: RuleSet | null = null;
  /** The rules that it was made of, or is being made of. */
  #madeOf: RuleSet | null = null;

  constructor(deps: HarmlessRulesDeps) {
    this.#deps = deps;
  }

  /** Never throws. */
  rules(): RuleSet {
    const all = this.#deps.rules();
    if (!this.#halted) return all;
    if (this.#madeOf !== all) void this.#make(all);
    return this.#harmless ?? all;
  }

  /** Resolves once that is in force. */
  async setHalted(halted: boolean): Promise<void> {
    if (halted === this.#halted) return;
    this.#halted = halted;
    this.#harmless = null;
    this.#madeOf = null;
    if (halted) await this.#make(this.#deps.rules());
  }

  async #make(all: RuleSet): Promise<void> {
    const { compile, clock, empty, signal } = this.#deps;
    this.#madeOf = all;
    const isWanted = () => this.#halted && this.#madeOf === all;
    const done = new AbortController();
    const impatience = sleep(clock, patienceMs, AbortSignal.any([signal, done.signal])).then(
      () => {
        if (isWanted()) this.#harmless ??= empty;
      },
      () => undefined,
    );
    const making = this.#compiled(all, compile, signal).then((harmless) => {
      done.abort();
      if (isWanted()) this.#harmless = harmless;
    });
    await Promise.race([making, impatience]);
  }

  async #compiled(all: RuleSet, compile: Compile, signal: AbortSignal): Promise<RuleSet> {
    const { empty, tap } = this.#deps;
    try {
      const specs = all.rules.flatMap(({ spec }) => withoutFault(spec) ?? []);
      const compiled = await compile(specs, all.revision, signal);
      if (!("problems" in compiled)) return compiled;
      const [first] = compiled.problems;
      tell(tap, first === undefined ? "they were refused" : first.problem.message);
    } catch (thrown) {
      if (!signal.aborted) tell(tap, messageOf(thrown));
    }
    return empty;
  }
}

/** null: nothing is left of it. */
export function withoutFault(spec: RuleSpec): RuleSpec | null {
  if (spec.fault === null) return spec;
  return spec.respond === null && spec.patch === null ? null : { ...spec, fault: null };
}

/** How many rules may harm somebody. */
export function faultRules(set: RuleSet): readonly string[] {
  return set.rules.flatMap(({ spec }) => (spec.fault === null ? [] : [spec.name]));
}

function tell(tap: Tap, why: string): void {
  const message = `while faults are stopped there are no rules at all, since those without faults cannot be made: ${why}`;
  tap.observe({ kind: "trouble", area: "faults", message });
}
