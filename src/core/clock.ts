// Time as a dependency, so that tests turn it by hand. This is the only place that touches the real clock.

import { performance } from "node:perf_hooks"; // the global of that name is looked up, and asked for, at each use

/** A pending timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; for durations and deadlines. */
  now(): number;
  /** Milliseconds since the Unix epoch; for what people and other machines read. */
  wall(): number;
  /** `wall()` as it was, or will be, at a moment of `now()`; exact to a millisecond, and cheaper than `wall()`. */
  wallAt(nowMs: number): number;
  /** Calls `fire` once after `delayMs`. `background` timers do not keep the process alive. */
  after(delayMs: number, fire: () => void, options?: { background?: boolean }): Timer;
}

/** How long the offset between the two clocks is believed: the wall clock may be set at any time. */
const offsetMs = 1_000;

/** The real clock. */
export const systemClock: Clock = createSystemClock();

function createSystemClock(): Clock {
  let offset = 0;
  let believedUntil = Number.NEGATIVE_INFINITY;
  return {
    wallAt(nowMs) {
      if (nowMs > believedUntil) {
        offset = Date.now() - performance.now();
        believedUntil = nowMs + offsetMs;
      }
      return Math.round(nowMs + offset);
    },
    now: () => performance.now(),
    wall: () => Date.now(),
    after(delayMs, fire, options) {
      const handle = setTimeout(fire, delayMs);
      if (options?.background) handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}

/** As `sleep`, but resolves at once where `early` aborts. */
export async function pause(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal,
  early: AbortSignal | undefined,
): Promise<void> {
  if (!early) return sleep(clock, delayMs, signal);
  signal.throwIfAborted();
  await sleep(clock, delayMs, AbortSignal.any([signal, early])).catch((reason) => {
    signal.throwIfAborted();
    if (!early.aborted) throw reason;
  });
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
