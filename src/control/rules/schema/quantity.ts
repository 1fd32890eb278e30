// Durations and sizes as people write them: `250ms`, `1h30m`, `64KiB`, `1MB`.

import { z } from "zod";

const number = "(?:\\d{1,9}(?:\\.\\d{1,9})?)";
const durationShape = new RegExp(
  `^(?=.)(?:${number}d)?(?:${number}h)?(?:${number}m)?(?:${number}s)?(?:${number}ms)?$`,
);
const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

const dayMs = 86_400_000;

/** `1h30m` in milliseconds; undefined where it is not a duration. Units in falling order, each at most once. */
export function parseDuration(written: string): number | undefined {
  if (!durationShape.test(written)) return undefined;
  let total = 0;
  for (const [, amount = "", unit = ""] of written.matchAll(/([\d.]+)(d|h|ms|m|s)/g))
    total += Number(amount) * (unitMs[unit] ?? 0);
  return total;
}

/** A duration in milliseconds, from `minMs` to one day (or `maxMs`). */
export function duration(limits: { readonly minMs?: number; readonly maxMs?: number } = {}) {
  const { minMs = 0, maxMs = dayMs } = limits;
  return z
    .string("a duration such as 200ms or 2s")
    .regex(durationShape, "a duration such as 200ms or 2s")
    .transform((written) => parseDuration(written) ?? 0)
    .pipe(
      z
        .number()
        .min(minMs, "a duration longer than zero")
        .max(maxMs, `a duration of at most ${maxMs / dayMs} days`),
    );
}

const sizeShape = /^\d{1,15}(?:\.\d{1,9})? ?(?:B|kB|KB|MB|GB|KiB|MiB|GiB)$/;
const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `64KiB` in bytes; undefined where it is not a size. KB is 1000, KiB is 1024. */
export function parseSize(written: string): number | undefined {
  if (!sizeShape.test(written)) return undefined;
  const [, amount = "", unit = ""] = /^([\d.]+) ?(\w+)$/.exec(written) ?? [];
  return Math.round(Number(amount) * (unitBytes[unit] ?? 0));
}

/** A count of bytes, as a number or with a unit; `perSecond` allows a closing `/s`. */
export function size(expected: string, limits: { readonly min: number; readonly perSecond?: boolean }) {
  const shape = limits.perSecond ? new RegExp(`${sizeShape.source.slice(0, -1)}(?:/s)?$`) : sizeShape;
  const bytes = z.number().transform((value) => value);
  const written = z
    .string()
    .regex(shape, expected)
    .transform((text) => parseSize(text.replace(/\/s$/, "")) ?? 0);
  return z
    .union([bytes, written], { error: expected })
    .pipe(z.int(expected).min(limits.min, `${expected}, at least ${limits.min}`))
    .meta({ description: "Bytes as a number, or with a unit: 64KiB (1024), 64KB (1000), 1MB." });
}
