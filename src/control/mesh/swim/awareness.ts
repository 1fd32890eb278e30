// How far a member trusts its own judgement (Lifeguard): 0 is healthy; each point makes its probes more patient.

export class Awareness {
  readonly #most: number;
  #score = 0;

  /** Scores run from 0 to `max` - 1. */
  constructor(max: number) {
    this.#most = max - 1;
  }

  get score(): number {
    return this.#score;
  }

  change(by: number): void {
    this.#score = Math.min(this.#most, Math.max(0, this.#score + by));
  }

  scale(durationMs: number): number {
    return durationMs * (this.#score + 1);
  }
}
