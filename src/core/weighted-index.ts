// Choice by weight, for histograms of delays and for random replies.

import type { Random } from "./random.ts";

/** An index with probability weight / sum of weights. Weights are not negative; where all are 0, each is as likely. */
export function weightedIndex(weights: readonly number[], random: Random): number {
  let total = 0;
  for (const weight of weights) total += weight;
  if (total <= 0) return Math.floor(random.next() * weights.length);
  let left = random.next() * total;
  let last = 0;
  for (const [index, weight] of weights.entries()) {
    if (weight <= 0) continue;
    if (left < weight) return index;
    left -= weight;
    last = index;
  }
  return last; // Rounding may leave a crumb beyond the last weight.
}
