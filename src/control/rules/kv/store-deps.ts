// What every client of a store is given.

import type { Clock } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";

export interface StoreDeps {
  readonly clock: Clock;
  readonly random: Random;
}
