// A WebSocket that rules concern keeps nobody's bytes: who does not read stops who sends, in either direction.

import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, framesIn, masked } from "../../../conformance/websocket-frames.ts";
import { messageRules } from "../../../conformance/websocket-rules.ts";
import { openWire, type Wire } from "../../../support/wire.ts";

const looking = messageRules(`
  - name: look
    matches: [{websocket: {}, message: {contains: never said}}]
    fault: {websocket: {cut: true}}`);

function upgraded(): Wire {
  const wire = openWire({ decideMessages: looking });
  wire.fromDownstream("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  wire.fromUpstream("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  return wire;
}

test("a downstream that does not read stops the upstream until it does", () => {
  const wire = upgraded();
  wire.setDownstreamFull(true);
  wire.fromUpstream(frame({ payload: "one" }));
  assert.equal(wire.upstreamPaused, true);
  assert.equal(wire.downstreamPaused, false);
  wire.setDownstreamFull(false);
  assert.equal(wire.upstreamPaused, false);
});

test("an upstream that does not read stops the downstream until it does", () => {
  const wire = upgraded();
  wire.setUpstreamFull(true);
  wire.fromDownstream(masked({ payload: "one" }));
  assert.equal(wire.downstreamPaused, true);
  assert.equal(wire.upstreamPaused, false);
  wire.setUpstreamFull(false);
  assert.equal(wire.downstreamPaused, false);
});

test("a half-close is passed on, and what was not complete before it", () => {
  const wire = upgraded();
  const whole = masked({ payload: "cut short" });
  wire.fromDownstream(whole.subarray(0, 9));
  wire.downstreamFin();
  assert.equal(wire.upstreamEnd, "fin");
  assert.equal(wire.downstreamEnd, "open");
  assert.ok(Buffer.from(wire.toUpstream, "latin1").subarray(-9).equals(whole.subarray(0, 9)));
  wire.fromUpstream(frame({ payload: "still here" }));
  const down = Buffer.from(wire.toDownstream.slice(wire.toDownstream.indexOf("\r\n\r\n") + 4), "latin1");
  assert.deepEqual(
    framesIn(down).map(({ payload }) => payload.toString()),
    ["still here"],
  );
});
