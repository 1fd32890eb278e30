// How long to wait before trying again: twice as long after each failure, with a share of chance so that a thousand sidecars
// do not come back in one moment.

import type { Random } from "../../../core/random.ts";

const firstMs = 100;
const mostMs = 10_000;

/** Milliseconds after so many failures in a row (1 or more): half of the doubled time, and up to as much again by chance. */
export function backOffMs(failures: number, random: Random): number {
  const fullMs = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return fullMs * (0.5 + 0.5 * random.next());
}
