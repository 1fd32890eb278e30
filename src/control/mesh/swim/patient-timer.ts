// Timers whose verdict can wait. After a stall of the event loop, timers run before the sockets are read: the ack that
// clears a member may lie there unread. A timer that finds itself late lets the sockets be read first.

import type { Clock, Timer } from "../../../core/clock.ts";

const lateMs = 150;
/** Long enough for a turn of the event loop with all that was waiting. */
const graceMs = 50;

/** Fires once, after `delayMs` or a little later; `late` is called first where the moment was missed. */
export function patientTimer(clock: Clock, delayMs: number, fire: () => void, late?: () => void): Timer {
  const dueAt = clock.now() + delayMs;
  let timer = clock.after(
    delayMs,
    () => {
      if (clock.now() - dueAt < lateMs) return fire();
      late?.();
      timer = clock.after(graceMs, fire, { background: true });
    },
    { background: true },
  );
  return { cancel: () => timer.cancel() };
}
