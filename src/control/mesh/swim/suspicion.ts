// The time that a suspected member has to speak up. It shortens as further members confirm the suspicion. Before it
// is over we look a few times for ourselves: the member may have spoken up, and we alone have not heard it.

import type { Clock, Timer } from "../../../core/clock.ts";
import { patientTimer } from "./patient-timer.ts";
import { type SuspicionTimes, suspicionTimeoutMs } from "./timing.ts";

/** From so long before the verdict we look so often; a look that begins later than that would come too late. */
const looksMs = 7_500;
const lookEveryMs = 1_000;
const tooLateMs = 1_000;
/**
 * Looks before any verdict. Confirmations that come late would else end the time at once: those of members that do not know
 * yet what the suspected one has said to that.
 */
const fewestLooks = 2;

export interface SuspicionVerdicts {
  /** Time to look once more. */
  look(): void;
  /** Time is over. */
  dead(): void;
}

export class Suspicion {
  readonly #clock: Clock;
  readonly #times: SuspicionTimes;
  readonly #verdicts: SuspicionVerdicts;
  readonly #from: Set<string>;
  #startedAt: number;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Since it began, or began anew. */
  #looks = 0;
  /** When the last of those looks that there must be is over. */
  #enoughAt = 0;
  #timer: Timer | null = null;

  /** Runs from now, until `dead` or `cancel`. `from`: who suspects, and does not confirm too. */
  constructor(clock: Clock, times: SuspicionTimes, from: string, verdicts: SuspicionVerdicts) {
    this.#clock = clock;
    this.#times = times;
    this.#verdicts = verdicts;
    this.#startedAt = clock.now();
    this.#from = new Set([from]);
    this.#arm();
  }

  /** True where this confirmation is news, and worth telling on. */
  confirm(from: string): boolean {
    if (this.#from.size > this.#times.wanted || this.#from.has(from)) return false;
    this.#from.add(from);
    this.#arm();
    return true;
  }

  /** The member has answered us just now: its time begins anew. */
  answered(): void {
    this.#startedAt = this.#clock.now();
    this.#looks = 0;
    this.#arm();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.cancel();
    const confirmations = this.#from.size - 1; // the first is the accuser's
    const now = this.#clock.now();
    const timesUp = this.#startedAt + suspicionTimeoutMs(this.#times, confirmations);
    const endsAt = Math.max(timesUp, this.#lookedEnoughAt(now));
    const lookAt = Math.max(now, this.#lookedAt + lookEveryMs, endsAt - looksMs);
    if (lookAt > endsAt - tooLateMs) {
      this.#timer = patientTimer(this.#clock, Math.max(0, endsAt - now), () => this.#verdicts.dead());
      return;
    }
    this.#timer = patientTimer(this.#clock, lookAt - now, () => {
      this.#lookedAt = this.#clock.now();
      this.#looks++;
      if (this.#looks === fewestLooks) this.#enoughAt = this.#lookedAt + tooLateMs;
      this.#arm();
      this.#verdicts.look();
    });
  }

  /** When the looks that there must be can be over. */
  #lookedEnoughAt(now: number): number {
    if (this.#looks >= fewestLooks) return this.#enoughAt;
    const nextAt = Math.max(now, this.#lookedAt + lookEveryMs);
    return nextAt + (fewestLooks - 1 - this.#looks) * lookEveryMs + tooLateMs;
  }
}
