// The access log: one JSON line per event, gathered, sampled, harmless.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccessLogDeps, createAccessLog } from "../../../src/proxy/tap/access-log.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { call, connectionEvent, opaque } from "./events.ts";

const wallStart = Date.parse("2026-01-01T00:00:00Z");

function logger(options: Partial<AccessLogDeps> = {}) {
  const clock = manualClock(wallStart);
  const writes: string[] = [];
  const destination = { write: (text: string) => writes.push(text) };
  const log = createAccessLog({ destination, clock, linesPerSecond: 100, ...options });
  const lines = (): Record<string, unknown>[] =>
    writes.flatMap((text) =>
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    );
  return { log, clock, writes, lines };
}

test("access log: a call is one line in pino's shape", () => {
  const { log, lines } = logger({ base: { pid: 7, hostname: "box" } });
  log.observe(call({ rule: "slow", flags: ["DI", "UC"], durationMs: 1.23456, detail: "remark" }));
  log.flush();
  assert.deepEqual(lines(), [
    {
      level: 30,
      time: wallStart,
      pid: 7,
      hostname: "box",
      direction: "outbound",
      connection: "c1",
      method: "GET",
      authority: "inventory.shop",
      path: "/items",
      upstream: "10.0.0.7:8080",
      status: 200,
      outcome: "relayed",
      rule: "slow",
      flags: "DI,UC",
      startedAtMs: wallStart,
      durationMs: 1.235,
      requestBytes: 100,
      responseBytes: 400,
      detail: "remark",
      msg: "call",
    },
  ]);
});

test("access log: every kind of event is a line of JSON; its level says how much it matters", () => {
  const { log, lines } = logger({ level: "debug" });
  log.observe(call({ upstream: null, outcome: "failed", status: 0 }));
  log.observe(opaque());
  log.observe(connectionEvent("connection-opened"));
  log.observe({ kind: "rules-applied", revision: "r1", rules: 2 });
  log.observe({ kind: "rules-rejected", problems: Array.from({ length: 30 }, (_, n) => `line ${n}`) });
  log.observe({ kind: "trouble", area: "journal", message: "full" });
  log.flush();
  assert.deepEqual(
    lines().map(({ level, msg }) => [level, msg]),
    [
      [40, "call"],
      [30, "opaque"],
      [20, "connection-opened"],
      [30, "rules applied"],
      [50, "rules rejected"],
      [50, "full"],
    ],
  );
  const problems = lines()[4]?.problems;
  assert.ok(Array.isArray(problems) && problems.length === 21 && problems[20] === "… and 10 more");
});

test("access log: nothing that a peer sends breaks the line or reaches a terminal", () => {
  const { log, writes, lines } = logger();
  const path = '/"\\\n\u001b[31m\u009b2J\u007f\ud800é';
  log.observe(call({ path, method: "GÉT" }));
  log.observe(call({ path: "x".repeat(9_000) }));
  log.flush();
  assert.equal(lines()[0]?.path, path);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested
  assert.doesNotMatch(writes.join("").replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f]/);
  assert.equal(String(lines()[1]?.path).length, 2_049);
});

test("access log: lines of one moment are written in one go, soon and without being asked", async () => {
  const { log, clock, writes } = logger();
  log.observe(call());
  log.observe(call());
  assert.deepEqual(writes, []);
  await clock.advance(20);
  assert.equal(writes.length, 1);
  assert.equal(clock.pending(), 0);
});

test("access log: much text is not gathered longer than its bound", () => {
  const { log, writes } = logger({ linesPerSecond: 10_000 });
  for (let index = 0; index < 1_000; index++) log.observe(call({ path: "x".repeat(1_000) }));
  assert.ok(writes.length > 15);
  assert.ok(writes.every((text) => text.length < 70_000));
});

test("access log: above the rate lines are left out evenly, and the log says how many", async () => {
  const { log, clock, lines } = logger({ linesPerSecond: 10 });
  for (let second = 0; second < 3; second++) {
    for (let tick = 0; tick < 100; tick++) {
      log.observe(call({ path: `/${second}`, startedAtMs: clock.wall(), durationMs: 0 }));
      await clock.advance(10);
    }
  }
  await clock.advance(1_000);
  const paths = lines().map(({ path }) => path);
  assert.equal(paths.filter((path) => path === "/1").length, 10);
  assert.equal(paths.filter((path) => path === "/2").length, 10);
  const dropped = lines().reduce((sum, line) => sum + Number(line.dropped ?? 0), 0);
  assert.equal(paths.filter((path) => path !== undefined).length + dropped, 300);
  assert.equal(clock.pending(), 0);
});

test("access log: a flush tells what was left out so far", () => {
  const { log, lines } = logger({ linesPerSecond: 1 });
  for (let index = 0; index < 5; index++) log.observe(call());
  log.flush();
  log.flush();
  assert.deepEqual(
    lines().map((line) => line.dropped),
    [undefined, 4],
  );
});

test("access log: levels below the wanted one are not written", () => {
  const { log, lines } = logger({ level: "warn" });
  log.observe(call());
  log.observe(call({ outcome: "refused" }));
  log.flush();
  assert.equal(lines().length, 1);
});

test("access log: a destination that throws harms nobody", async () => {
  const clock = manualClock();
  const log = createAccessLog({ destination: { write: assert.fail }, clock, linesPerSecond: 10 });
  log.observe(call());
  await clock.advance(100);
  log.observe(call());
  log.flush();
});
