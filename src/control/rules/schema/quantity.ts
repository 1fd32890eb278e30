// Durations and sizes in the written format: `250ms`, `1h30m`, `64KiB`, `1MB`. What they mean is said in core/units.ts; here
// are the limits, and the patterns that editors get to see.

import * as z from "zod";
import { formatDuration, parseDuration, parseSize } from "../../../core/units.ts";

const durationShape = /^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)$/;
const durationExpected = "a duration such as 200ms or 2s";
const dayMs = 86_400_000;

/** A duration in milliseconds, from `minMs` (default 0) to `maxMs` (default one day). */
export function duration(limits: { readonly minMs?: number; readonly maxMs?: number } = {}) {
  const { minMs = 0, maxMs = dayMs } = limits;
  return z
    .string(durationExpected)
    .regex(durationShape, durationExpected)
    .transform((written, context) => {
      const ms = parseDuration(written);
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
      const message =
        ms === undefined
          ? `${durationExpected} or 1h30m, the larger unit first`
          : `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
      context.addIssue({ code: "custom", message, input: written, params: { expectation: true } });
      return z.NEVER;
    });
}

const sizeShape = /^\d+(?:\.\d+)? ?(?:[kKmMgG][iI]?[bB]|[bB])$/;
const rateShape = /^\d+(?:\.\d+)? ?(?:[kKmMgG][iI]?[bB]|[bB])(?:\/s)?$/;

/** A count of bytes, as a number or with a unit; `perSecond` allows a closing `/s`. */
export function size(expected: string, limits: { readonly min: number; readonly perSecond?: boolean }) {
  const written = z
    .string()
    .regex(limits.perSecond ? rateShape : sizeShape, expected)
    .transform((text, context) => {
      const bytes = parseSize(text.replace(/\/s$/, ""));
      if (bytes !== undefined && bytes >= limits.min) return bytes;
      const message = `${expected}: whole bytes, at least ${limits.min}`;
      context.addIssue({ code: "custom", message, input: text, params: { expectation: true } });
      return z.NEVER;
    });
  const bare = z.int(expected).min(limits.min, `${expected}: whole bytes, at least ${limits.min}`);
  return z
    .union([bare, written], { error: expected })
    .meta({ description: "Bytes as a number, or with a unit: 64KiB (1024), 64KB (1000), 1MB." });
}
