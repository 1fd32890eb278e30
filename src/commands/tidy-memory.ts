// Gives back what a start or a reload leaves behind. V8 collects when memory is asked for, and a sidecar at rest asks
// for none: it would keep the garbage of its start, ten megabytes, for hours.

import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock, Timer } from "../core/clock.ts";
import { optimise } from "../core/optimising.ts";
import type { Tap } from "../core/tap.ts";

/** After the last change: what it leaves behind has to be garbage by then. */
const restMs = 700;
/** A collection stands still for about a millisecond per four of these; larger heaps are left to V8, which takes turns. */
const maxHeapBytes = 64 * 1024 * 1024;

/** A start should be over by then; what takes longer is worth optimising. */
const startMs = 3_000;

export interface Engine {
  collect(): void;
  /** Whether code that is run often is optimised, which takes 5 MB for good. */
  optimise(on: boolean): void;
}

/**
 * Collects shortly after the start, which is over when the first rules are in force where there are any, and after every
 * change of the rules. Code of the start is not optimised: it never runs again.
 */
export function createTidyTap(clock: Clock, hasRules: boolean, engine: Engine = v8): Tap {
  let timer: Timer | null = null;
  const soon = () => {
    timer?.cancel();
    timer = clock.after(restMs, tidy, { background: true });
  };
  const started = clock.after(startMs, () => engine.optimise(true), { background: true });
  const tidy = () => {
    started.cancel();
    engine.optimise(true);
    engine.collect();
  };
  engine.optimise(false);
  if (!hasRules) soon();
  return {
    observe({ kind }) {
      if (kind === "rules-applied" || kind === "rules-rejected") soon();
    },
  };
}

const v8: Engine = {
  optimise,
  collect() {
    if (getHeapStatistics().used_heap_size > maxHeapBytes) return;
    setFlagsFromString("--expose-gc");
    // The only way to V8's collector for a program that was not started with this flag.
    const gc: unknown = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
    if (typeof gc === "function") gc({ type: "major", execution: "sync", flavor: "last-resort" });
  },
};
