// A time to wait: a duration, or a distribution to draw it from.

import * as z from "zod";
import type { DelaySpec } from "../../../core/rule.ts";
import { across, mapping, type Written } from "./mapping.ts";
import { duration } from "./quantity.ts";

const wait = duration();
const max = wait.exactOptional().describe("Longer draws are cut to this.");
const weight = z
  .number("a number greater than 0")
  .gt(0, "a number greater than 0")
  .max(1e9, "a number of at most 1000000000");

const range = {
  min: wait.describe("Shortest wait."),
  max: wait.describe("Longest wait."),
};

function minBeforeMax(written: Written, complain: (message: string, key: string) => void): void {
  const { min, max: most } = written;
  if (typeof min === "number" && typeof most === "number" && min > most)
    complain(`expected at most max (${most}ms), got ${min}ms`, "min");
}

const bucket = across(
  mapping("a mapping {weight, min, max}", {
    weight: weight.describe("How often this bucket is drawn, against the sum of all weights."),
    ...range,
  }),
  minBeforeMax,
);

const distribution = z.discriminatedUnion(
  "type",
  [
    across(mapping("a distribution", { type: z.literal("uniform"), ...range }), minBeforeMax),
    mapping("a distribution", {
      type: z.literal("normal"),
      mean: wait.describe("Mean of the waits."),
      stddev: wait.describe("Standard deviation of the waits."),
      max,
    }),
    mapping("a distribution", {
      type: z.literal("lognormal"),
      median: wait.describe("Half of the waits are shorter."),
      sigma: z
        .number("a number from 0 to 10")
        .min(0, "a number from 0 to 10")
        .max(10, "a number from 0 to 10")
        .describe("Standard deviation of the logarithm: 0.4 is a mild tail, 1 a long one."),
      max,
    }),
    mapping("a distribution", {
      type: z.literal("histogram"),
      buckets: z
        .array(bucket, "a list of buckets {weight, min, max}")
        .min(1, "at least one bucket {weight, min, max}")
        .max(1_000, "at most 1000 buckets")
        .describe("Ranges with weights; uniform inside a range."),
    }),
  ],
  {
    error: (issue) =>
      issue.code === "invalid_union"
        ? "uniform, normal, lognormal or histogram"
        : "a mapping with type: uniform, normal, lognormal or histogram",
  },
);

type Distribution = z.output<typeof distribution>;

function delayOf(written: Distribution): DelaySpec {
  const { type } = written;
  switch (type) {
    case "uniform":
      return { type, minMs: written.min, maxMs: written.max };
    case "normal":
      return { type, meanMs: written.mean, stddevMs: written.stddev, maxMs: written.max ?? null };
    case "lognormal":
      return { type, medianMs: written.median, sigma: written.sigma, maxMs: written.max ?? null };
    case "histogram":
      return {
        type,
        buckets: written.buckets.map((one) => ({ weight: one.weight, minMs: one.min, maxMs: one.max })),
      };
    default:
      return type satisfies never;
  }
}

/** `200ms`, or `{distribution: {type: lognormal, median: 80ms, sigma: 0.4}}`. */
export const delay = z
  .union(
    [
      wait.transform((ms): DelaySpec => ({ type: "fixed", ms })),
      mapping("a duration such as 200ms, or {distribution: …}", {
        distribution: distribution.describe("Where each wait is drawn from."),
      }).transform((written) => delayOf(written.distribution)),
    ],
    { error: "a duration such as 200ms or 2s, or {distribution: …}" },
  )
  .meta({ id: "delay", description: "A duration such as 200ms or 2s, or a distribution." });

export { weight };
