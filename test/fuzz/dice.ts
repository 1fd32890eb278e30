// Seeded chance in the words of tests: the same seed throws the same dice.

import { type Random, seededRandom } from "../../src/core/random.ts";

export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** True so often, from 0 to 1. */
  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}
