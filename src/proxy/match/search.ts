// One walk through the index: the best candidate so far, and the limit beyond which none can be better.

import type { Call } from "./call.ts";
import { bodyHolds, type Candidate, headHolds } from "./candidate.ts";

/**
 * Buckets are walked one after the other, not merged: a bucket is left as soon as its candidates rank behind the best
 * one found, so the winner is the one that a walk in rank order would have found first. Conditions are pure, so testing
 * some in another order cannot be noticed.
 */
export class Search {
  readonly call: Call;
  found: Candidate | null = null;
  /** Only candidates whose `order` is below can still change the verdict. */
  limit = Number.MAX_SAFE_INTEGER;
  #withBody = false;

  constructor(call: Call) {
    this.call = call;
  }

  start(withBody: boolean): void {
    this.found = null;
    this.limit = Number.MAX_SAFE_INTEGER;
    this.#withBody = withBody;
  }

  /** `candidates` in ascending order. */
  try(candidates: readonly Candidate[]): void {
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i];
      if (candidate === undefined || candidate.order >= this.limit) return;
      if (!headHolds(candidate, this.call)) continue;
      if (this.#withBody && !bodyHolds(candidate, this.call)) continue;
      this.found = candidate;
      this.limit = candidate.order;
      return;
    }
  }
}
