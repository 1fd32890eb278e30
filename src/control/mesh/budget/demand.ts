// How many calls at once a rule could use here, as it is told to others: coarse, and slow to fall, so that it seldom changes.

import type { BudgetUse } from "../../../core/call-budget.ts";

/** A want is forgotten after one to two of these. */
const windowMs = 5_000;

export class Demand {
  readonly #most: number;
  #windowStartMs: number;
  #now = 0;
  #before = 0;

  /** `most`: more is never wanted. */
  constructor(most: number, nowMs: number) {
    this.#most = most;
    this.#windowStartMs = nowMs;
  }

  /** 0, a power of two, or the most. */
  get want(): number {
    return Math.max(this.#now, this.#before);
  }

  /** Whoever was refused could use any number: it asks for all, and gets no more than the others leave, or an equal part. */
  note({ peak, refused }: BudgetUse, nowMs: number): void {
    if (nowMs - this.#windowStartMs >= windowMs) {
      this.#before = nowMs - this.#windowStartMs >= 2 * windowMs ? 0 : this.#now;
      this.#now = 0;
      this.#windowStartMs = nowMs;
    }
    const coarse = peak === 0 ? 0 : 2 ** Math.ceil(Math.log2(peak));
    this.#now = Math.max(this.#now, refused ? this.#most : Math.min(this.#most, coarse));
  }
}
