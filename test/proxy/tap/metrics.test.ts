// Metrics under a stream of events: sums, bounds on labels, and what promtool says of the text.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Registry } from "prom-client";
import { readProcessUsage } from "../../../src/core/process-usage.ts";
import { createMetrics } from "../../../src/proxy/tap/metrics.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { call, connectionEvent, opaque } from "./events.ts";

const wallStart = Date.parse("2026-01-01T00:00:00Z");

/** The value of one series as scraped; undefined where it is not there. */
async function scraper(metrics: {
  scrape(): Promise<string>;
}): Promise<(series: string) => number | undefined> {
  const lines = (await metrics.scrape()).split("\n");
  return (series) => {
    const line = lines.find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
}

test("metrics: calls are counted by direction, rule, outcome and status class", async () => {
  const metrics = createMetrics({ maxRuleLabels: 10, clock: manualClock(wallStart) });
  metrics.observe(call());
  metrics.observe(call({ status: 204 }));
  metrics.observe(call({ rule: "declined", outcome: "mocked", status: 402, direction: "inbound" }));
  metrics.observe(call({ outcome: "failed", status: 0, flags: ["UF", "DI"] }));
  metrics.observe(call({ status: 999 }));
  const value = await scraper(metrics);
  const series = (labels: string) => value(`understudy_requests_total{${labels}}`);
  assert.equal(series('direction="outbound",rule="",outcome="relayed",status_class="2xx"'), 2);
  assert.equal(series('direction="inbound",rule="declined",outcome="mocked",status_class="4xx"'), 1);
  assert.equal(series('direction="outbound",rule="",outcome="failed",status_class="none"'), 1);
  assert.equal(series('direction="outbound",rule="",outcome="relayed",status_class="none"'), 1);
  assert.equal(value('understudy_response_flags_total{flag="UF"}'), 1);
  assert.equal(value('understudy_response_flags_total{flag="DI"}'), 1);
});

test("metrics: many who scrape at once share the work, and none misses what came before it asked", async () => {
  let readings = 0;
  const read = () => ++readings;
  const gauges = [{ name: "readings", help: "Readings.", read }];
  const metrics = createMetrics({ maxRuleLabels: 10, clock: manualClock(), gauges });
  await metrics.scrape();
  const first = metrics.scrape();
  await Promise.resolve(); // it is under way
  await Promise.resolve();
  metrics.observe(call());
  const crowd = await Promise.all(Array.from({ length: 100 }, () => metrics.scrape()));
  await first;
  assert.equal(readings, 3);
  assert.ok(crowd.every((text) => /^understudy_requests_total\{.*\} 1$/m.test(text)));
  await metrics.scrape();
  assert.equal(readings, 4);
});

test("metrics: the histogram cumulates its buckets and sums seconds", async () => {
  const metrics = createMetrics({ maxRuleLabels: 10, clock: manualClock() });
  for (const durationMs of [0.2, 0.5, 0.6, 90, 61_000]) metrics.observe(call({ durationMs }));
  const value = await scraper(metrics);
  const bucket = (le: string) =>
    value(`understudy_request_duration_seconds_bucket{le="${le}",rule="",outcome="relayed"}`);
  assert.deepEqual(["0.0005", "0.001", "0.05", "0.1", "60", "+Inf"].map(bucket), [2, 3, 3, 4, 4, 5]);
  assert.equal(value('understudy_request_duration_seconds_count{rule="",outcome="relayed"}'), 5);
  const sum = value('understudy_request_duration_seconds_sum{rule="",outcome="relayed"}') ?? 0;
  assert.ok(Math.abs(sum - 61.0913) < 1e-9, String(sum));
});

test("metrics: rules past the bound share one label, and no call is lost", async () => {
  const metrics = createMetrics({ maxRuleLabels: 20, clock: manualClock() });
  for (let index = 0; index < 5_000; index++) {
    metrics.observe(call({ rule: `rule-${index % 1_000}`, outcome: "mocked" }));
  }
  const text = await metrics.scrape();
  const counts = [...text.matchAll(/^understudy_requests_total\{.*rule="([^"]*)".*\} (\d+)$/gm)];
  assert.equal(counts.length, 21);
  assert.equal(
    counts.reduce((sum, [, , count]) => sum + Number(count), 0),
    5_000,
  );
  assert.equal(counts.find(([, rule]) => rule === "other")?.[2], "4900");
  assert.equal(counts.find(([, rule]) => rule === "rule-19")?.[2], "5");
});

test("metrics: connections, bytes, time-outs, rules and troubles", async () => {
  const metrics = createMetrics({ maxRuleLabels: 1, clock: manualClock(wallStart), version: "1.2.3" });
  metrics.observe(connectionEvent("connection-opened"));
  metrics.observe(connectionEvent("connection-opened"));
  metrics.observe(connectionEvent("connection-closed"));
  metrics.observe(connectionEvent("detection-timeout"));
  metrics.observe(call());
  metrics.observe(opaque({ flags: ["UC"] }));
  metrics.observe({ kind: "rules-rejected", problems: ["rules.yaml:1: broken"] });
  metrics.observe({ kind: "rules-applied", revision: 'a"b', rules: 7 });
  metrics.observe({ kind: "trouble", area: "journal", message: "full" });
  const value = await scraper(metrics);
  const expected: readonly [series: string, value: number][] = [
    ['understudy_connections_total{direction="outbound"}', 2],
    ['understudy_connections_active{direction="outbound"}', 1],
    ['understudy_connections_active{direction="inbound"}', 0],
    ["understudy_detection_timeouts_total", 1],
    ['understudy_bytes_total{direction="to_upstream"}', 617],
    ['understudy_bytes_total{direction="to_downstream"}', 1_573_264],
    ['understudy_opaque_connections_total{direction="outbound",protocol="tls",outcome="relayed"}', 1],
    ['understudy_response_flags_total{flag="UC"}', 1],
    ["understudy_rules_reload_errors_total", 1],
    ["understudy_rules_loaded", 7],
    ['understudy_rules_revision_info{revision="a\\"b"}', 1],
    ["understudy_rules_applied_timestamp_seconds", wallStart / 1000],
    ['understudy_trouble_total{area="journal"}', 1],
    ['understudy_build_info{version="1.2.3"}', 1],
  ];
  for (const [series, wanted] of expected) assert.equal(value(series), wanted, series);
});

test("metrics: names made by somebody who floods stay bounded", async () => {
  const metrics = createMetrics({ maxRuleLabels: 1, clock: manualClock() });
  for (let index = 0; index < 500; index++) {
    metrics.observe({ kind: "trouble", area: `area-${index}`, message: "" });
  }
  const series = (await metrics.scrape()).match(/^understudy_trouble_total\{.*$/gm) ?? [];
  assert.equal(series.length, 65);
  assert.ok(series.includes('understudy_trouble_total{area="other"} 436'), String(series.at(-1)));
});

test("metrics: gauges of others are read at each scrape, and each scrape sees the calls in between", async () => {
  let links = 1;
  const gauges = [{ name: "understudy_upstream_links", help: "Open.", read: () => links++ }];
  const metrics = createMetrics({ maxRuleLabels: 1, clock: manualClock(), gauges });
  assert.equal((await scraper(metrics))("understudy_upstream_links"), 1);
  metrics.observe(call({ requestBytes: 5 }));
  const value = await scraper(metrics);
  assert.equal(value("understudy_upstream_links"), 2);
  assert.equal(value('understudy_bytes_total{direction="to_upstream"}'), 5);
  assert.equal(metrics.contentType, Registry.PROMETHEUS_CONTENT_TYPE);
});

const promtool = spawnSync("promtool", ["--version"]).error
  ? "needs promtool (scripts/components.sh)"
  : false;

test("metrics: promtool finds nothing to mend", { skip: promtool }, async () => {
  const metrics = createMetrics({
    maxRuleLabels: 5,
    clock: manualClock(wallStart),
    version: "1.2.3",
    processUsage: readProcessUsage,
  });
  metrics.observe(call({ rule: "a", flags: ["DI"] }));
  metrics.observe(opaque());
  metrics.observe({ kind: "rules-applied", revision: "r1", rules: 1 });
  metrics.observe({ kind: "trouble", area: "journal", message: "full" });
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: await metrics.scrape(),
    encoding: "utf8",
  });
  assert.equal(`${stdout}${stderr}`, "");
  assert.equal(status, 0);
});

test("metrics: figures of the process are plausible", async () => {
  const metrics = createMetrics({ maxRuleLabels: 5, clock: manualClock(), processUsage: readProcessUsage });
  const value = await scraper(metrics);
  assert.ok((value("process_resident_memory_bytes") ?? 0) > 1e7);
  assert.ok((value("process_cpu_seconds_total") ?? 0) > 0);
  assert.ok((value("process_start_time_seconds") ?? 0) > 1.7e9);
});
