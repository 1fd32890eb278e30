// The distributions of delays, and choice by weight: their statistics under fixed seeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/core/random.ts";
import type { DelaySpec } from "../../../src/core/rule.ts";
import { weightedIndex } from "../../../src/core/weighted-index.ts";
import { sampleDelayMs } from "../../../src/proxy/perform/delay.ts";

const count = 20_000;

function samples(spec: DelaySpec, seed = 1): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => sampleDelayMs(spec, random)).sort((a, b) => a - b);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: readonly number[]) => {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
};
const median = (values: readonly number[]) => values[values.length >> 1] ?? 0;

function near(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * share, `${actual} is not near ${expected}`);
}

test("fixed: always the same", () => {
  assert.deepEqual(new Set(samples({ type: "fixed", ms: 70 })), new Set([70]));
});

test("uniform: between its bounds, with their mean", () => {
  const values = samples({ type: "uniform", minMs: 100, maxMs: 300 });
  near(mean(values), 200, 0.01);
  near(deviation(values), 200 / Math.sqrt(12), 0.02);
  assert.ok((values[0] ?? 0) >= 100 && (values.at(-1) ?? 0) < 300);
});

test("normal: has its mean and standard deviation", () => {
  const values = samples({ type: "normal", meanMs: 500, stddevMs: 50, maxMs: null });
  near(mean(values), 500, 0.005);
  near(deviation(values), 50, 0.02);
});

test("normal: is never negative, and never above its cap", () => {
  const values = samples({ type: "normal", meanMs: 10, stddevMs: 100, maxMs: 60 });
  assert.deepEqual([values[0], values.at(-1)], [0, 60]);
});

test("lognormal: has its median and sigma, and a cap", () => {
  const values = samples({ type: "lognormal", medianMs: 80, sigma: 0.4, maxMs: null });
  near(median(values), 80, 0.02);
  near(deviation(values.map(Math.log)), 0.4, 0.02);
  near(mean(values), 80 * Math.exp(0.08), 0.02);
  const capped = samples({ type: "lognormal", medianMs: 80, sigma: 2, maxMs: 200 });
  assert.equal(capped.at(-1), 200);
});

test("histogram: each bucket as often as its weight says, uniform inside", () => {
  const values = samples({
    type: "histogram",
    buckets: [
      { weight: 90, minMs: 0, maxMs: 10 },
      { weight: 9, minMs: 100, maxMs: 200 },
      { weight: 1, minMs: 1_000, maxMs: 2_000 },
      { weight: 0, minMs: 5_000, maxMs: 6_000 },
    ],
  });
  const inside = (min: number, max: number) => values.filter((value) => value >= min && value < max);
  near(inside(0, 10).length / count, 0.9, 0.01);
  near(inside(100, 200).length / count, 0.09, 0.06);
  near(inside(1_000, 2_000).length / count, 0.01, 0.2);
  near(mean(inside(100, 200)), 150, 0.02);
  assert.equal(inside(2_000, 10_000).length, 0);
});

test("delays: what no timer can hold is cut to what it can; nonsense is no delay", () => {
  const random = seededRandom(1);
  assert.equal(sampleDelayMs({ type: "fixed", ms: 1e12 }, random), 0x7fff_ffff);
  assert.equal(sampleDelayMs({ type: "fixed", ms: -5 }, random), 0);
  for (let i = 0; i < 50; i++) {
    const value = sampleDelayMs({ type: "lognormal", medianMs: 0, sigma: 1e6, maxMs: null }, random);
    assert.ok(value === 0, String(value));
  }
  assert.equal(sampleDelayMs({ type: "histogram", buckets: [] }, random), 0);
});

test("weights: without any weight, each is as likely", () => {
  const random = seededRandom(2);
  const seen = [0, 0, 0];
  for (let i = 0; i < 3_000; i++) {
    const index = weightedIndex([0, 0, 0], random);
    seen[index] = (seen[index] ?? 0) + 1;
  }
  for (const times of seen) near(times, 1_000, 0.1);
});

test("weights: chance at its very end still lands on a weight", () => {
  const last = { next: () => 1 - 2 ** -53, uint32: () => 0 };
  assert.equal(weightedIndex([0.1, 0.2, 0.3, 0], last), 2);
});
