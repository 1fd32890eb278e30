// What every client of a store is given.

import type { Clock } from "../../../core/clock.ts";
import type { Debug } from "../../../core/debug.ts";
import type { Random } from "../../../core/random.ts";

export interface StoreDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Area `stores`. Left out: nobody asked for debug lines. */
  readonly debug?: Debug;
}
