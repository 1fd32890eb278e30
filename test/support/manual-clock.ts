// A clock that moves only when a test says so.

import type { Clock, Timer } from "../../src/core/clock.ts";

export interface ManualClock extends Clock {
  /** Moves time forward and fires what falls due, in order; lets promises settle between timers. */
  advance(ms: number): Promise<void>;
  /** Timers that have neither fired nor been cancelled. */
  pending(): number;
}

/** Starts at 0 on the monotonic clock and at `wallStart` for people. */
export function manualClock(wallStart = Date.parse("2026-01-01T00:00:00Z")): ManualClock {
  let now = 0;
  let order = 0;
  const timers = new Map<number, { at: number; fire: () => void }>();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    now: () => now,
    wall: () => wallStart + now,
    wallAt: (nowMs) => wallStart + nowMs,
    after(delayMs, fire): Timer {
      const id = order++;
      timers.set(id, { at: now + Math.max(0, delayMs), fire });
      return { cancel: () => void timers.delete(id) };
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = [...timers]
          .filter(([, timer]) => timer.at <= end)
          .sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
        if (!due) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].fire();
        await settle();
      }
      now = end;
      await settle();
    },
    pending: () => timers.size,
  };
}
