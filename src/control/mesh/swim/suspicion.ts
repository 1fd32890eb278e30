// The time that a suspected member has to speak up. It shortens as further members confirm the suspicion.

import type { Clock, Timer } from "../../../core/clock.ts";
import { patientTimer } from "./patient-timer.ts";
import { type SuspicionTimes, suspicionTimeoutMs } from "./timing.ts";

export class Suspicion {
  readonly #clock: Clock;
  readonly #times: SuspicionTimes;
  readonly #fire: () => void;
  readonly #startedAt: number;
  readonly #from: Set<string>;
  #timer: Timer;

  /** Runs from now; `fire` is called once unless `cancel` comes first. `from`: who suspects, and does not confirm too. */
  constructor(clock: Clock, times: SuspicionTimes, from: string, fire: () => void) {
    this.#clock = clock;
    this.#times = times;
    this.#fire = fire;
    this.#startedAt = clock.now();
    this.#from = new Set([from]);
    this.#timer = patientTimer(clock, suspicionTimeoutMs(times, 0), fire);
  }

  /** True where this confirmation is news, and worth telling on. */
  confirm(from: string): boolean {
    const confirmations = this.#from.size; // the first of them is the accuser's, so this counts the new one
    if (confirmations > this.#times.wanted || this.#from.has(from)) return false;
    this.#from.add(from);
    this.#timer.cancel();
    const elapsed = this.#clock.now() - this.#startedAt;
    const left = suspicionTimeoutMs(this.#times, confirmations) - elapsed;
    this.#timer = patientTimer(this.#clock, Math.max(0, left), this.#fire);
    return true;
  }

  cancel(): void {
    this.#timer.cancel();
  }
}
