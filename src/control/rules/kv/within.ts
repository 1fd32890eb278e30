// A deadline of our own around a client's call: a client that never answers must not keep anybody waiting.

import type { Clock } from "../../../core/clock.ts";

/** What the work was given up with. */
export class DeadlinePassed extends Error {}

/**
 * The work's result, or a rejection: `DeadlinePassed` after `ms`, the signal's reason when it aborts. `work` gets a signal
 * that aborts in both cases; what it does after that is ignored.
 */
export function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = new AbortController();
    const giveUp = (reason: unknown) => {
      finish();
      reject(reason);
      stop.abort(reason);
    };
    const onAbort = () => giveUp(signal.reason);
    const timer = clock.after(ms, () => giveUp(new DeadlinePassed(`no answer within ${ms} ms`)), {
      background: true,
    });
    const finish = () => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    work(stop.signal).then(
      (value) => {
        finish();
        resolve(value);
      },
      (thrown) => {
        finish();
        reject(thrown);
      },
    );
  });
}
