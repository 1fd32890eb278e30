// Debug lines of events: each in its area, none where nobody listens.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDebug } from "../../../src/core/debug.ts";
import type { TapEvent } from "../../../src/core/tap.ts";
import { createDebugLines } from "../../../src/proxy/tap/debug-lines.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { call, connectionEvent, opaque } from "./events.ts";

const events: readonly TapEvent[] = [
  connectionEvent("connection-opened"),
  connectionEvent("detection-timeout", "inbound"),
  call({ flags: ["DI"], rule: "slow" }),
  opaque({ upstream: null, serverName: "" }),
  { kind: "rules-applied", revision: "r1", rules: 2 },
  { kind: "rules-rejected", problems: ["a", "b"] },
  { kind: "rule-source", source: "etcd://a", connected: false, reason: "gone" },
  { kind: "faults-stopped", stopped: true, by: "ann" },
  { kind: "trouble", area: "relay", message: "odd\u001b" },
  connectionEvent("connection-closed"),
];

function linesOf(areas: string): string[] {
  const lines: string[] = [];
  const tap = createDebugLines(createDebug(areas, { write: (text) => lines.push(text) }, manualClock()));
  for (const event of events) tap.observe(event);
  return lines;
}

test("debug lines: every event in its area", () => {
  assert.deepEqual(linesOf("*"), [
    "0.000 ACCEPT c1 opened, outbound from 127.0.0.1:40000 to nobody\n",
    "0.000 DETECT c1 silent, inbound from 127.0.0.1:40000 to nobody\n",
    "0.000 HTTP1 c1 GET inventory.shop/items via 10.0.0.7:8080 → 200 relayed, delayed by slow DI 3.0 ms\n",
    "0.000 OPAQUE c2 tls ? via nobody → relayed unread, 517 B up, 1.5 MiB down 2.0 s\n",
    "0.000 RULES revision r1, 2 rules\n",
    "0.000 RULES rejected: a; b\n",
    "0.000 STORES etcd://a is away: gone\n",
    "0.000 FAULTS faults stopped by ann\n",
    "0.000 RELAY odd\\x1b\n",
    "0.000 ACCEPT c1 closed, outbound from 127.0.0.1:40000 to nobody\n",
  ]);
});

test("debug lines: only the areas that were asked for", () => {
  assert.equal(linesOf("accept,relay").length, 3);
  assert.equal(linesOf("nothing").length, 0);
});
