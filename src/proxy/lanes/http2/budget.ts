// How much of something harmless a peer may do before it is harm: so many at once, so many a second.

import type { Clock } from "../../../core/clock.ts";

export class Budget {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #clock: Clock;
  #left = 0;
  #at = 0;

  constructor(burst: number, perSecond: number, clock: Clock) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#left = burst;
    this.#at = clock.now();
  }

  /** False once it is used up. The clock is asked only then. */
  spend(): boolean {
    if (this.#left < 1) {
      const now = this.#clock.now();
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
      this.#at = now;
      if (this.#left < 1) return false;
    }
    this.#left--;
    return true;
  }
}
