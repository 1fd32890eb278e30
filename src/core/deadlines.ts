// Many deadlines, one timer: setting one is an assignment, so that the hot path pays nothing for being bounded.

import type { Clock } from "./clock.ts";
import { Roster, type Seated } from "./roster.ts";

/** Something that must act before a moment on `clock.now()`. `Infinity`: no deadline at present. */
export interface Deadlined extends Seated {
  /** Declared with a number: a field that begins as undefined gets a box for each moment that it is moved to. */
  deadlineAt: number;
  /** Called at the first tick past the deadline, at each tick until the deadline is moved or the entry removed. */
  expire(): void;
}

export interface Deadlines {
  add(entry: Deadlined): void;
  remove(entry: Deadlined): void;
}

/** A deadline is kept to within `tickMs`. The timer runs only while there are entries, and never keeps a process alive. */
export function createDeadlines(clock: Clock, tickMs: number): Deadlines {
  const entries = new Roster<Deadlined>();
  let armed = false;
  const arm = () => {
    if (armed) return;
    armed = true;
    clock.after(tickMs, tick, { background: true });
  };
  const tick = () => {
    armed = false;
    const now = clock.now();
    entries.each((entry) => {
      if (entry.deadlineAt <= now) entry.expire();
    });
    if (entries.size > 0) arm();
  };
  return {
    add(entry) {
      entries.add(entry);
      arm();
    },
    remove(entry) {
      entries.remove(entry); // the timer finds out by itself: most entries have a successor before it fires
    },
  };
}
