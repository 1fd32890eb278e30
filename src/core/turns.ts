// Long work in turns: steps run until their time is up, then everybody else on the event loop has a turn.

import type { Clock } from "./clock.ts";

/** Milliseconds of work between two turns of everybody else. */
const turnMs = 5;

/** Runs the steps to their result. Rejects with the signal's reason when it aborts between two turns. */
export async function runInTurns<T>(
  steps: Generator<void, T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  let turn = clock.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (clock.now() - turn < turnMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    turn = clock.now();
  }
}
