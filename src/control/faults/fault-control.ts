// Stops all faults of this sidecar and lets them happen again: by the word of people, and at the start, until it is known
// whether the others have stopped them. A switch beside the rules, which stay as they are; the data plane asks it.

import type { Clock } from "../../core/clock.ts";
import type { FaultStop } from "../../core/fault-stop.ts";
import { isOver } from "../../core/lifetime.ts";
import type { RuleSpec } from "../../core/rule.ts";
import type { RuleSet } from "../../core/rule-set.ts";
import type { Tap } from "../../core/tap.ts";
import { FaultSwitch } from "./fault-switch.ts";

export class FaultControl {
  readonly #rules: () => RuleSet;
  readonly #tap: Tap;
  readonly #clock: Pick<Clock, "now" | "wall">;
  readonly switch: FaultSwitch;
  #held = false;
  #told = false;

  /** `rules`: those in force. */
  constructor(rules: () => RuleSet, tap: Tap, clock: Pick<Clock, "now" | "wall">) {
    this.#clock = clock;
    this.switch = new FaultSwitch(clock);
    this.#rules = rules;
    this.#tap = tap;
    this.switch.onChange((stop) => this.#tell(stop));
  }

  /** Whether no fault may happen; holds from the moment of the word. */
  get halted(): boolean {
    return this.#held || this.switch.stop.halted;
  }

  /** Rules with faults that could happen now. */
  get active(): readonly string[] {
    return this.halted ? [] : this.present;
  }

  /** Rules with faults whose time is not over, stopped or not. */
  get present(): readonly string[] {
    const wallMs = this.#clock.wall();
    const steadyMs = () => this.#clock.now();
    const may = ({ fault, scope }: RuleSpec) => fault !== null && !isOver(scope, wallMs, steadyMs);
    return this.#rules().rules.flatMap(({ spec }) => (may(spec) ? [spec.name] : []));
  }

  /** No faults until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
  }

  #tell({ halted, by }: FaultStop): void {
    if (halted === this.#told) return;
    this.#told = halted;
    this.#tap.observe({ kind: "faults-stopped", stopped: halted, by });
  }
}
