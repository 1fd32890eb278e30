// The measurement's judgement: pure, so that it can be checked without measuring.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { judge } from "../../bench/goals.ts";
import { keptResults, type Measured, newest } from "../../bench/kept-results.ts";
import { readOptions } from "../../bench/options.ts";
import { withMeasurements } from "../../bench/report.ts";
import type { ScenarioResult } from "../../bench/scenarios/scenario.ts";
import { type Figures, median } from "../../bench/slices.ts";

const nothing = { unit: "request", rows: [], facts: [], leftOut: [] } as const;

function row(peer: string, ratio: number | null): Figures {
  const rest = { perSecond: 0, p50Ms: null, p99Ms: null, addedP99Ms: null, rssMb: 0, peakRssMb: 0 };
  return { peer, ratio, cpuUs: 10, ...rest, errors: 0, disturbed: 0, slices: 3 };
}

test("goals: a peer that is the reference counts as 1, others by their ratios to it", () => {
  const results: ScenarioResult[] = [
    {
      ...nothing,
      name: "keep-alive",
      title: "",
      reference: "haproxy",
      rows: [
        row("haproxy", null),
        row("haproxy-map", 1.1),
        row("http-proxy", 4),
        row("understudy-1000", 1.02),
      ],
    },
  ];
  const outcomes = judge(results).filter(({ reached }) => reached !== null);
  assert.deepEqual(
    outcomes.map(({ reached, ok }) => [reached?.toFixed(3), ok]),
    [
      ["1.020", true],
      ["0.927", true],
      ["0.255", true],
    ],
  );
});

test("goals: what was not measured is neither reached nor missed", () => {
  assert.ok(judge([]).every(({ reached, ok }) => reached === null && ok === null));
});

test("goals: a figure above its limit is missed", () => {
  const facts = [{ peer: "understudy-1000", name: "idle", value: 71, unit: "MB" }];
  const results = [{ ...nothing, name: "memory", title: "", reference: "", facts }];
  assert.deepEqual(
    judge(results)
      .filter(({ ok }) => ok === false)
      .map(({ goal }) => goal),
    ["memory at rest"],
  );
});

test("median: the middle, or between the two middles", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([]), 0);
});

test("readme: the part between the markers is replaced, the rest is kept", () => {
  const document = "before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n";
  const written = withMeasurements(document, "new");
  assert.equal(written, "before\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nafter\n");
  assert.equal(withMeasurements(written, "new"), written);
  assert.throws(() => withMeasurements("no markers", "new"), /README\.md: expected <!-- bench:begin -->/);
});

test("options: a wrong number names its flag, its value and what was expected", () => {
  assert.throws(
    () => readOptions(["--slices", "many"]),
    /--slices: expected a whole number from 1 to 100, got "many"/,
  );
  assert.deepEqual(readOptions(["--only", "mock,start", "--quick"]), {
    only: ["mock", "start"],
    slices: 3,
    seconds: 1,
    updateReadme: false,
  });
});

test("results: a run of some scenarios leaves the figures of the others as they were", () => {
  const measured = (name: string, measuredAt: string): Measured => ({
    ...{ ...nothing, name, title: "", reference: "" },
    ...{ measuredAt, slices: 3, seconds: 1 },
  });
  const kept = [measured("mock", "2026-01-01"), measured("gone", "2026-01-01"), measured("h2", "2026-01-01")];
  const found = newest(["h2", "tls", "mock"], kept, [measured("h2", "2026-01-02")]);
  assert.deepEqual(
    found.map(({ name, measuredAt }) => [name, measuredAt]),
    [
      ["h2", "2026-01-02"],
      ["mock", "2026-01-01"],
    ],
  );
});

test("results: what was measured on another machine or another Node is not kept", () => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-results-"));
  const file = join(folder, "latest.json");
  const ground = { machine: "2 × this", node: "26.0.0" };
  assert.deepEqual(keptResults(file, ground), []);
  writeFileSync(file, JSON.stringify({ ...ground, goals: [], scenarios: [{ name: "mock" }] }));
  assert.equal(keptResults(file, ground).length, 1);
  assert.equal(keptResults(file, { ...ground, node: "26.0.1" }).length, 0);
  rmSync(folder, { recursive: true });
});
