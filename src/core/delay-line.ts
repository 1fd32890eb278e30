// Many waits of the same length, one timer: for waits that every connection begins and nearly none sees end.
//
//   first ──► … ──► last     in the order in which they end; the timer is set for the first

import type { Clock, Timer } from "./clock.ts";

export class DelayLine {
  readonly #clock: Clock;
  readonly #delayMs: number;
  #first: Wait | null = null;
  #last: Wait | null = null;
  #armed = false;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** Calls `fire` once after the delay, unless cancelled. Never keeps the process alive. */
  wait(fire: () => void): Timer {
    const wait = new Wait(this, fire, this.#clock.now() + this.#delayMs, this.#last);
    if (this.#last) this.#last.after = wait;
    else this.#first = wait;
    this.#last = wait;
    if (!this.#armed) this.#arm(this.#delayMs);
    return wait;
  }

  /** For `Wait` alone. All its ties are cut: a wait that has become old would keep those behind it alive. */
  leave(wait: Wait): void {
    const { before, after } = wait;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    wait.before = null;
    wait.after = null;
  }

  #arm(delayMs: number): void {
    this.#armed = true;
    this.#clock.after(delayMs, () => this.#tick(), { background: true });
  }

  #tick(): void {
    this.#armed = false;
    const now = this.#clock.now();
    for (let first = this.#first; first && first.endsAt <= now; first = this.#first) first.end();
    if (this.#first && !this.#armed) this.#arm(Math.max(1, Math.ceil(this.#first.endsAt - now)));
  }
}

class Wait implements Timer {
  readonly endsAt: number;
  before: Wait | null;
  after: Wait | null = null;
  readonly #line: DelayLine;
  #fire: (() => void) | null;

  constructor(line: DelayLine, fire: () => void, endsAt: number, before: Wait | null) {
    this.#line = line;
    this.#fire = fire;
    this.endsAt = endsAt;
    this.before = before;
  }

  cancel(): void {
    if (this.#fire === null) return;
    this.#fire = null;
    this.#line.leave(this);
  }

  end(): void {
    const fire = this.#fire;
    this.cancel();
    fire?.();
  }
}
