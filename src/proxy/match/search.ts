// One walk through the index: the best entry so far, and the limit beyond which none can be better.

import type { Call } from "./call.ts";
import { allHold, type Entry } from "./candidate.ts";

/**
 * Buckets are walked one after the other, not merged: a bucket is left as soon as its entries rank behind the best one
 * found, so the winner is the one that a walk in rank order would have found first. Conditions are pure, so testing
 * some in another order cannot be noticed.
 */
export class Search {
  readonly call: Call;
  found: Entry | null = null;
  /** Only entries whose `order` is below can still change the verdict. */
  limit = Number.MAX_SAFE_INTEGER;
  #withBody = false;

  constructor(call: Call) {
    this.call = call;
  }

  /** `withBody`: conditions on the body are tested; else an entry is found as soon as all others hold. */
  start(withBody: boolean): void {
    this.found = null;
    this.limit = Number.MAX_SAFE_INTEGER;
    this.#withBody = withBody;
  }

  /** Whether no later entry of the same bucket can be better. */
  offer(entry: Entry): boolean {
    if (entry.order >= this.limit) return true;
    if (!allHold(entry.headKeys, this.call)) return false;
    if (this.#withBody && !allHold(entry.bodyKeys, this.call)) return false;
    this.found = entry;
    this.limit = entry.order;
    return true;
  }
}
