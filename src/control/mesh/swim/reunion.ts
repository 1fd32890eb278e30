// After a cut has healed many come back at once, and while everybody tells of them, a few pieces of that news are lost: one
// member goes on taking another for dead, and nothing tells it soon that this is old. So whoever sees many come back compares
// its whole state with somebody, a little later. A single member that starts again is no reason: in a large mesh whole states
// are large.

import type { Clock, Timer } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";

/** Of the living, the share that must come back within the time to be many. */
const share = 0.1;
const withinMs = 30_000;
/** Until the news has been told: from so long to twice as long, so that not all ask at once. */
const settleMs = 5_000;

export interface ReunionDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Compares the whole state with somebody. */
  readonly compare: () => void;
}

export class Reunion {
  readonly #deps: ReunionDeps;
  #back = 0;
  #lastAtMs = 0;
  #timer: Timer | null = null;

  constructor(deps: ReunionDeps) {
    this.#deps = deps;
  }

  /** One that was dead is alive again, now that `live` are. */
  returned(live: number): void {
    const { clock, random } = this.#deps;
    if (clock.now() - this.#lastAtMs > withinMs) this.#back = 0;
    this.#lastAtMs = clock.now();
    this.#back++;
    if (this.#timer !== null || this.#back < share * live) return;
    const fire = () => {
      this.#timer = null;
      this.#back = 0;
      this.#deps.compare();
    };
    this.#timer = clock.after(settleMs * (1 + random.next()), fire, { background: true });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
