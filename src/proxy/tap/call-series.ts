// Counts and durations of calls by rule, kept in typed arrays: one call costs a map look-up and three additions.
// The arrays grow with the rules that are seen, up to a bound; metrics.ts turns them into samples when scraped.

import type { CallEvent, Outcome } from "../../core/tap.ts";

/** Upper bounds in seconds: from half a millisecond, which a local call takes, to a minute, which a fault may add. */
export const durationBuckets: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export interface CallCount {
  readonly direction: "inbound" | "outbound";
  readonly rule: string;
  readonly outcome: Outcome;
  readonly statusClass: string;
  readonly value: number;
}

export interface DurationSeries {
  readonly rule: string;
  readonly outcome: Outcome;
  /** Calls per bucket, not yet cumulated; the last one is of calls above the largest bound. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

export interface CallSeries {
  add(event: CallEvent): void;
  /** Only what has been seen at least once. */
  counts(): readonly CallCount[];
  durations(): readonly DurationSeries[];
}

const outcomes: readonly Outcome[] = ["relayed", "mocked", "aborted", "refused", "failed"];
const placeOf: Readonly<Record<Outcome, number>> = {
  relayed: 0,
  mocked: 1,
  aborted: 2,
  refused: 3,
  failed: 4,
};
const directions = ["inbound", "outbound"] as const;
const statusClasses: readonly string[] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
const bucketsMs = Float64Array.from(durationBuckets, (seconds) => seconds * 1000);

const countsPerRule = directions.length * outcomes.length * statusClasses.length;
const slotsPerSeries = bucketsMs.length + 1;

/**
 * `maxRules` names keep a series of their own, in the order in which they are first seen; the calls of later ones
 * share the rule `other`. Calls that no rule claimed have the rule "", which Prometheus treats as no label.
 */
export function createCallSeries(maxRules: number): CallSeries {
  const names = ["", "other"];
  const indexOf = new Map<string, number>();
  let counts = new Float64Array(8 * countsPerRule);
  let slots = new Float64Array(8 * outcomes.length * slotsPerSeries);
  let sumsMs = new Float64Array(8 * outcomes.length);

  function enrol(name: string): number {
    if (names.length - 2 >= maxRules) return 1;
    const index = names.push(name) - 1;
    indexOf.set(name, index);
    if (names.length * outcomes.length > sumsMs.length) {
      counts = doubled(counts);
      slots = doubled(slots);
      sumsMs = doubled(sumsMs);
    }
    return index;
  }

  return {
    add(event) {
      const name = event.rule;
      const rule = name === null ? 0 : (indexOf.get(name) ?? enrol(name));
      const outcome = placeOf[event.outcome];
      const direction = event.direction === "inbound" ? 0 : 1;
      const status = statusClassOf(event.status);
      const count =
        rule * countsPerRule + (direction * outcomes.length + outcome) * statusClasses.length + status;
      counts[count] = (counts[count] ?? 0) + 1;
      const series = rule * outcomes.length + outcome;
      const slot = series * slotsPerSeries + bucketOf(event.durationMs);
      slots[slot] = (slots[slot] ?? 0) + 1;
      sumsMs[series] = (sumsMs[series] ?? 0) + event.durationMs;
    },
    counts: () => readCounts(names, counts),
    durations: () => readDurations(names, slots, sumsMs),
  };
}

function statusClassOf(status: number): number {
  const hundreds = Math.trunc(status / 100);
  return hundreds >= 1 && hundreds <= 5 ? hundreds : 0;
}

function bucketOf(durationMs: number): number {
  let bucket = 0;
  while (bucket < bucketsMs.length && durationMs > (bucketsMs[bucket] ?? 0)) bucket++;
  return bucket;
}

function doubled(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}

function readCounts(names: readonly string[], counts: Float64Array): CallCount[] {
  const seen: CallCount[] = [];
  let at = 0;
  for (const rule of names) {
    for (const direction of directions) {
      for (const outcome of outcomes) {
        for (const statusClass of statusClasses) {
          const value = counts[at++] ?? 0;
          if (value > 0) seen.push({ direction, rule, outcome, statusClass, value });
        }
      }
    }
  }
  return seen;
}

function readDurations(
  names: readonly string[],
  slots: Float64Array,
  sumsMs: Float64Array,
): DurationSeries[] {
  const seen: DurationSeries[] = [];
  names.forEach((rule, ruleIndex) => {
    outcomes.forEach((outcome, outcomeIndex) => {
      const series = ruleIndex * outcomes.length + outcomeIndex;
      const counts = [...slots.subarray(series * slotsPerSeries, (series + 1) * slotsPerSeries)];
      if (counts.some((count) => count > 0)) {
        seen.push({ rule, outcome, counts, sumSeconds: (sumsMs[series] ?? 0) / 1000 });
      }
    });
  });
  return seen;
}
