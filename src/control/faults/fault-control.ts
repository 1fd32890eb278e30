// Stops all faults of this sidecar and lets them happen again: by the word of people, and at the start, until it is known
// whether the others have stopped them.

import type { FaultStop } from "../../core/fault-stop.ts";
import type { RuleSet } from "../../core/rule-set.ts";
import type { Tap } from "../../core/tap.ts";
import { FaultSwitch } from "./fault-switch.ts";
import { faultRules, type HarmlessRules } from "./harmless-rules.ts";

export interface FaultControlDeps {
  /** null: there are no rules at all. */
  readonly harmless: HarmlessRules | null;
  /** The rules in force, faults and all. */
  readonly rules: () => RuleSet;
  readonly tap: Tap;
}

export class FaultControl {
  readonly #deps: FaultControlDeps;
  readonly switch = new FaultSwitch();
  #held = false;
  #halted = false;

  constructor(deps: FaultControlDeps) {
    this.#deps = deps;
    this.switch.onChange((stop) => this.#tell(stop));
  }

  /** Rules with faults that could happen now. */
  get active(): readonly string[] {
    return this.#held || this.switch.stop.halted ? [] : faultRules(this.#deps.rules());
  }

  /** Rules with faults, stopped or not. */
  get present(): readonly string[] {
    return faultRules(this.#deps.rules());
  }

  /** No faults until `release`. Resolves once that is in force. */
  hold(): Promise<void> {
    this.#held = true;
    return this.settle();
  }

  release(): void {
    this.#held = false;
    void this.settle();
  }

  /** Resolves once what holds is in force. */
  async settle(): Promise<void> {
    await this.#deps.harmless?.setHalted(this.#held || this.switch.stop.halted);
  }

  #tell({ halted, by }: FaultStop): void {
    void this.settle();
    if (halted === this.#halted) return;
    this.#halted = halted;
    this.#deps.tap.observe({ kind: "faults-stopped", stopped: halted, by });
  }
}
