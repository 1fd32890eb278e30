// Live lines and the closing summary: what a person reads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type TapEvent, teeTaps } from "../../../src/core/tap.ts";
import { createLiveLines, type LiveLineOptions } from "../../../src/proxy/tap/live-lines.ts";
import { createSummary } from "../../../src/proxy/tap/summary.ts";
import { call, connectionEvent, opaque } from "./events.ts";

function shown(events: readonly TapEvent[], options: Partial<LiveLineOptions> = {}): string[] {
  const parts: string[] = [];
  const sink = { write: (text: string) => parts.push(text) };
  const lines = createLiveLines(sink, { color: false, ...options });
  for (const event of events) lines.observe(event);
  return parts.join("").split("\n").slice(0, -1);
}

const post = { method: "POST", authority: "payments.shop", path: "/v1/charges" };

const table: readonly [event: TapEvent, lines: readonly string[]][] = [
  [call(), ["GET inventory.shop/items → 200 relayed 3.0 ms"]],
  [
    call({ ...post, status: 402, outcome: "mocked", rule: "declined-charge", durationMs: 0.26 }),
    ["POST payments.shop/v1/charges → 402 mocked by declined-charge 0.3 ms"],
  ],
  [
    call({ rule: "slow", flags: ["DI"], durationMs: 1_234 }),
    ["GET inventory.shop/items → 200 relayed, delayed by slow 1.2 s"],
  ],
  [
    call({ rule: "flaky", flags: ["FI", "DI"], durationMs: 12_600 }),
    ["GET inventory.shop/items → 200 relayed, disturbed by flaky 13 s"],
  ],
  [
    call({ rule: "plan", durationMs: 47.6 }),
    ["GET inventory.shop/items → 200 relayed, touched by plan 48 ms"],
  ],
  [
    call({ outcome: "aborted", rule: "down", status: 503 }),
    ["GET inventory.shop/items → 503 aborted by down 3.0 ms"],
  ],
  [
    call({ outcome: "aborted", rule: "down", status: 0 }),
    ["GET inventory.shop/items → cut off by down 3.0 ms"],
  ],
  [
    call({ outcome: "failed", status: 502, flags: ["UF"], detail: "connection refused" }),
    [
      "GET inventory.shop/items → 502 failed: connection refused 3.0 ms",
      "  next: check that something listens on 10.0.0.7:8080, or let a rule answer for it",
    ],
  ],
  [
    call({ outcome: "failed", status: 0, flags: ["UF"], detail: "inventory.shop has no address (NXDOMAIN)" }),
    [
      "GET inventory.shop/items → failed: inventory.shop has no address (NXDOMAIN) 3.0 ms",
      "  next: let a rule answer for inventory.shop",
    ],
  ],
  [
    call({
      outcome: "failed",
      status: 502,
      flags: ["UF"],
      authority: "shop:80",
      detail: "10.0.0.7:80 does not speak TLS",
    }),
    [
      "GET shop:80/items → 502 failed: 10.0.0.7:80 does not speak TLS 3.0 ms",
      "  next: call shop:80 with http://, or let a rule answer for it",
    ],
  ],
  [
    call({
      outcome: "failed",
      status: 502,
      flags: ["UF"],
      detail: "no version in common (TLS alert 70, protocol version)",
    }),
    ["GET inventory.shop/items → 502 failed: no version in common (TLS alert 70, protocol version) 3.0 ms"],
  ],
  [
    call({
      outcome: "failed",
      status: 500,
      flags: ["UPE"],
      rule: "plan",
      detail: "the rule could not be carried out: oh",
    }),
    [
      "GET inventory.shop/items → 500 failed: the rule could not be carried out: oh 3.0 ms",
      "  next: mend the rule plan",
    ],
  ],
  [
    call({ outcome: "failed", status: 0, flags: ["DC"] }),
    ["GET inventory.shop/items → failed: the client left before the end 3.0 ms"],
  ],
  [
    call({ outcome: "refused", status: 400, flags: ["DPE"], detail: "two lengths; see opaqueHosts" }),
    ["GET inventory.shop/items → 400 refused: two lengths; see opaqueHosts 3.0 ms"],
  ],
  [
    call({
      outcome: "refused",
      status: 400,
      flags: ["DPE"],
      method: "",
      authority: "",
      path: "",
      upstream: null,
    }),
    [
      "? ? → 400 refused: the client broke the protocol 3.0 ms",
      "  next: see what the client sends; to pass it on unread, list the upstream under opaqueHosts in the config",
    ],
  ],
  [call({ authority: "", path: "*", method: "OPTIONS" }), ["OPTIONS 10.0.0.7:8080 * → 200 relayed 3.0 ms"]],
  [
    call({ path: `/\u001b[2J${"x".repeat(200)}` }),
    [`GET inventory.shop/\\x1b[2J${"x".repeat(94)}… → 200 relayed 3.0 ms`],
  ],
  [opaque(), ["tls api.shop (10.0.0.9:443) → relayed unread, 517 B up, 1.5 MiB down 2.0 s"]],
  [
    opaque({ serverName: "", protocol: "tcp", rule: "slow", flags: ["DI"], downBytes: 1536 }),
    ["tcp 10.0.0.9:443 → relayed unread, delayed by slow, 517 B up, 1.5 KiB down 2.0 s"],
  ],
  [
    opaque({ serverName: "", upstream: null, outcome: "failed", flags: ["UT"] }),
    [
      "tls ? → failed: the upstream was too slow 2.0 s",
      "  next: the upstream took too long: see its log, or raise deadlines.responseMs",
    ],
  ],
  [opaque({ serverName: "", protocol: "tcp", upBytes: 0, downBytes: 0 }), []],
  [{ kind: "rules-applied", revision: "r", rules: 1 }, ["understudy: 1 rule in force"]],
  [{ kind: "rules-applied", revision: "r", rules: 3 }, ["understudy: 3 rules in force"]],
  [
    { kind: "rules-rejected", problems: ["rules.yaml:3: rules[0].name: expected a name"] },
    [
      "understudy: the rules were refused; everything is relayed",
      "  rules.yaml:3: rules[0].name: expected a name",
    ],
  ],
  [{ kind: "trouble", area: "admin", message: "port in use" }, ["understudy: admin: port in use"]],
  [connectionEvent("connection-opened"), []],
];

test("live lines: each event reads as one line, and failures say what to do", () => {
  for (const [event, lines] of table) assert.deepEqual(shown([event]), lines);
});

test("live lines: colours only where asked for", () => {
  const [line] = shown([call({ outcome: "mocked", rule: "a" })], { color: true });
  assert.ok(line?.includes("\u001b[36m200 mocked by a\u001b[0m"), String(line));
});

test("live lines: faster than anybody reads, only a count is shown", () => {
  const startedAtMs = 1_000_000;
  const events = Array.from({ length: 50 }, (_, n) => call({ startedAtMs, durationMs: n / 100 }));
  const lines = shown([...events, call({ startedAtMs: startedAtMs + 1_000 })], { linesPerSecond: 10 });
  assert.equal(lines.length, 12);
  assert.equal(lines[10], "… 40 more calls, too fast to show");
});

test("live lines: quiet shows only what is broken on our side", () => {
  const lines = shown(
    [
      call(),
      opaque(),
      { kind: "rules-applied", revision: "r", rules: 1 },
      { kind: "trouble", area: "a", message: "b" },
    ],
    { traffic: false },
  );
  assert.deepEqual(lines, ["understudy: a: b"]);
});

test("live lines: rules that are refused leave the ones before in force", () => {
  const lines = shown([
    { kind: "rules-applied", revision: "r", rules: 1 },
    { kind: "rules-rejected", problems: [] },
  ]);
  assert.equal(lines[1], "understudy: the rules were refused; the ones before stay in force");
});

test("live lines: the same trouble over and over is told once", () => {
  const trouble = (message: string) => ({ kind: "trouble", area: "accept", message }) as const;
  const lines = shown([trouble("a"), trouble("a"), call(), trouble("a"), trouble("b")]);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("understudy")),
    ["understudy: accept: a", "understudy: accept: b"],
  );
});

test("live lines: many problems of a rule file are shown in part", () => {
  const problems = Array.from({ length: 12 }, (_, n) => `problem ${n}`);
  assert.equal(shown([{ kind: "rules-rejected", problems }]).at(-1), "  … and 2 more");
});

test("summary: counts calls by outcome, connections, rules and refused reloads", () => {
  const summary = createSummary();
  assert.equal(summary.text(), "0 calls\n");
  for (let n = 0; n < 3; n++) summary.observe(call({ outcome: "mocked", rule: "declined" }));
  summary.observe(call());
  summary.observe(call({ outcome: "failed" }));
  summary.observe(call({ rule: "slow" }));
  summary.observe(opaque());
  summary.observe({ kind: "rules-rejected", problems: [] });
  assert.equal(
    summary.text(),
    [
      "6 calls: 3 mocked, 2 relayed, 1 failed",
      "1 connection not parsed: 1 relayed",
      "rules: declined 3, slow 1",
      "1 reload of the rules refused",
      "",
    ].join("\n"),
  );
});

test("summary: a WebSocket whose messages were understood is told as one, and its mock once", () => {
  const summary = createSummary();
  const messages = { toUpstream: 1, toDownstream: 2, ruleHits: 2 };
  summary.observe(call({ outcome: "mocked", rule: "chat" }));
  summary.observe(opaque({ protocol: "upgraded", outcome: "mocked", rule: "chat" }));
  summary.observe(opaque({ protocol: "upgraded", rule: "censored", messages }));
  assert.equal(
    summary.text(),
    ["1 call: 1 mocked", "2 WebSockets: 1 mocked, 1 relayed", "rules: chat 1, censored 1", ""].join("\n"),
  );
});

test("summary: shows the busiest rules only", () => {
  const summary = createSummary();
  for (let n = 0; n < 7; n++) {
    for (let times = 0; times <= n; times++) summary.observe(call({ rule: `r${n}`, outcome: "mocked" }));
  }
  assert.match(summary.text(), /^rules: r6 7, r5 6, r4 5, r3 4, r2 3, and 2 more$/m);
});

test("a tap that throws does not keep the others from seeing the event", () => {
  const summary = createSummary();
  const broken = createLiveLines({ write: assert.fail }, { color: false });
  teeTaps([broken, summary]).observe(call());
  assert.equal(summary.text(), "1 call: 1 relayed\n");
});
