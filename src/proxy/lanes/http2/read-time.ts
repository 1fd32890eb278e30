// When the bytes came that are being read: the clock is asked once for all that one read brings, and not once a call.

import type { Clock } from "../../../core/clock.ts";

export class ReadTime {
  readonly #clock: Pick<Clock, "now">;
  /** Below 0: nothing is being read. */
  #at = -1;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Bytes have come, and are read from now on. On `clock.now()`. */
  begin(): number {
    this.#at = this.#clock.now();
    return this.#at;
  }

  end(): void {
    this.#at = -1;
  }

  /** When what happens now has come, or the time where it did not come from a peer. */
  now(): number {
    return this.#at < 0 ? this.#clock.now() : this.#at;
  }
}
