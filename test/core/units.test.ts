// Durations and sizes: every spelling that is read, and the near misses that are not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../src/core/units.ts";

const durations: readonly [text: string, ms: number | undefined][] = [
  ["0", 0],
  ["0s", 0],
  ["250ms", 250],
  ["0.5ms", 0.5],
  ["1.5s", 1_500],
  ["2m", 120_000],
  ["1h30m", 5_400_000],
  ["7d", 604_800_000],
  ["1m1s1ms", 61_001],
  ["", undefined],
  ["5", undefined],
  ["5 s", undefined],
  ["-5s", undefined],
  ["fast", undefined],
  ["1s1m", undefined],
  ["1s1s", undefined],
  ["1e3s", undefined],
  [".5s", undefined],
  ["5S", undefined],
  ["99999999999999d", undefined],
  [`${"1".repeat(70)}s`, undefined],
];

test("parseDuration: reads numbers with their units and nothing else", () => {
  for (const [text, ms] of durations) assert.equal(parseDuration(text), ms, JSON.stringify(text));
});

test("formatDuration: is read back as the same number", () => {
  for (const [ms, text] of [
    [0, "0"],
    [200, "200ms"],
    [90_000, "1m30s"],
    [7_200_000, "2h"],
    [0.5, "0.5ms"],
  ] as const) {
    assert.equal(formatDuration(ms), text);
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => parseDuration(formatDuration(ms)) === ms),
  );
});

const sizes: readonly [text: string, bytes: number | undefined][] = [
  ["0", 0],
  ["512", 512],
  ["512B", 512],
  ["64KiB", 65_536],
  ["64kib", 65_536],
  ["64 KiB", 65_536],
  ["64kB", 64_000],
  ["1.5MiB", 1_572_864],
  ["2GiB", 2_147_483_648],
  ["big", undefined],
  ["", undefined],
  ["-1", undefined],
  ["64K", undefined],
  ["0.3B", undefined],
  ["1e9", undefined],
  ["99999999999GiB", undefined],
  ["9".repeat(70), undefined],
];

test("parseSize: reads whole bytes with decimal or binary units and nothing else", () => {
  for (const [text, bytes] of sizes) assert.equal(parseSize(text), bytes, JSON.stringify(text));
});

test("formatSize: is read back as the same number", () => {
  for (const [bytes, text] of [
    [0, "0B"],
    [1_000, "1000B"],
    [65_536, "64KiB"],
    [1_048_576, "1MiB"],
  ] as const) {
    assert.equal(formatSize(bytes), text);
  }
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes));
});
