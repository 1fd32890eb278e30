// Holds a call back before it goes on. The distributions are pure functions of chance.

import { type Clock, pause } from "../../core/clock.ts";
import type { Effect } from "../../core/effect.ts";
import type { Random } from "../../core/random.ts";
import type { DelaySpec } from "../../core/rule.ts";
import { weightedIndex } from "../../core/weighted-index.ts";

/** The longest wait a timer can be asked for (about 24.8 days); a longer one would fire at once. */
const longestTimerMs = 0x7fff_ffff;

/** Milliseconds to wait for one call: never negative, at most `maxMs` where the spec has one. */
export function sampleDelayMs(spec: DelaySpec, random: Random): number {
  switch (spec.type) {
    case "fixed":
      return bounded(spec.ms, null);
    case "uniform":
      return bounded(between(spec.minMs, spec.maxMs, random), null);
    case "normal":
      return bounded(spec.meanMs + spec.stddevMs * standardNormal(random), spec.maxMs);
    case "lognormal":
      // The median of a lognormal distribution is exp(mu), so mu never has to be written down.
      return bounded(spec.medianMs * Math.exp(spec.sigma * standardNormal(random)), spec.maxMs);
    case "histogram": {
      const index = weightedIndex(
        spec.buckets.map((bucket) => bucket.weight),
        random,
      );
      const bucket = spec.buckets[index];
      return bucket ? bounded(between(bucket.minMs, bucket.maxMs, random), null) : 0;
    }
    default:
      return spec satisfies never;
  }
}

/** Waits for a sampled time, then lets the call go on. Ends at once, with the signal's reason, when the client leaves. */
export function delayEffect(spec: DelaySpec, deps: { clock: Clock; random: Random }): Effect {
  return {
    kind: "delay",
    fault: true,
    async apply(exchange, next) {
      await waitFor(spec, deps, exchange.signal, exchange.faultEnds);
      return next(exchange);
    },
  };
}

/** Sleeps for one sample of the distribution, or until `early` aborts. Rejects with the signal's reason. */
export async function waitFor(
  spec: DelaySpec,
  deps: { clock: Clock; random: Random },
  signal: AbortSignal,
  early?: AbortSignal,
): Promise<void> {
  const delayMs = sampleDelayMs(spec, deps.random);
  if (delayMs > 0) await pause(deps.clock, delayMs, signal, early);
  else signal.throwIfAborted();
}

function bounded(ms: number, maxMs: number | null): number {
  if (!(ms > 0)) return 0; // Also NaN, which a median of 0 with a huge sigma would give.
  return Math.min(ms, maxMs ?? longestTimerMs, longestTimerMs);
}

function between(min: number, max: number, random: Random): number {
  return min + (max - min) * random.next();
}

/** Box–Muller: mean 0, standard deviation 1. */
function standardNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next())); // 1 - next() is in (0, 1]: its logarithm is finite.
  return radius * Math.cos(2 * Math.PI * random.next());
}
