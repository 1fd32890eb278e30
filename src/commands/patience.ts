// A word on stderr while something takes longer than people wait without wondering, and how far it has come.

import type { Clock } from "../core/clock.ts";
import { printable } from "../core/printable.ts";
import type { TextSink } from "./command.ts";

const patienceMs = 2_000;
/** Between that word and each further one. */
const againMs = 5_000;

/**
 * Waits for `work`, and says what is being done where that takes seconds. `deed`: `reading rules.yaml`; `soFar`: what has
 * been done of it (`1200 rules read`), "" for nothing.
 */
export async function sayIfSlow<T>(
  work: Promise<T>,
  deed: string,
  stderr: TextSink,
  clock: Clock,
  soFar: () => string = () => "",
): Promise<T> {
  const say = (): void => {
    const progress = soFar();
    stderr.write(`understudy: still ${printable(deed)} …${progress === "" ? "" : ` ${progress}`}\n`);
    timer = clock.after(againMs, say);
  };
  let timer = clock.after(patienceMs, say);
  try {
    return await work;
  } finally {
    timer.cancel();
  }
}
