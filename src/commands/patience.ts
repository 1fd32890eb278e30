// A word on stderr while something takes longer than people wait without wondering.

import type { Clock } from "../core/clock.ts";
import { printable } from "../core/printable.ts";
import type { TextSink } from "./command.ts";

const patienceMs = 2_000;

/** Waits for `work`, and says once what is being done where that takes seconds. `deed`: `reading rules.yaml`. */
export async function sayIfSlow<T>(
  work: Promise<T>,
  deed: string,
  stderr: TextSink,
  clock: Clock,
): Promise<T> {
  const timer = clock.after(patienceMs, () => stderr.write(`understudy: still ${printable(deed)} …\n`));
  try {
    return await work;
  } finally {
    timer.cancel();
  }
}
