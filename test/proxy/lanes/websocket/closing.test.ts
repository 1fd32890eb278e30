// Where a rule closes a connection whose ends are closing it already: nobody gets anything behind a close frame, or an end, of
// the other's (RFC 6455 §5.5.1, §7.1.1).

import assert from "node:assert/strict";
import { test } from "node:test";
import { closePayload, frame, framesIn, masked } from "../../../conformance/websocket-frames.ts";
import { messageRules } from "../../../conformance/websocket-rules.ts";
import { openWire, type Wire } from "../../../support/wire.ts";

const request =
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/** A WebSocket whose rule closes with the message "enough". */
function opened(): Wire {
  const decideMessages = messageRules(`
  - name: close
    matches: [{websocket: {path: /chat}, message: {equalTo: enough}}]
    fault: {websocket: {closeCode: 1013}}`);
  const wire = openWire({ decideMessages });
  wire.fromDownstream(request);
  wire.fromUpstream(reply);
  return wire;
}

/** The codes of all close frames. */
function closesIn(all: string): number[] {
  const bytes = Buffer.from(all.slice(all.indexOf("\r\n\r\n") + 4), "latin1");
  const closes = framesIn(bytes).filter(({ opcode }) => opcode === 8);
  return closes.map(({ payload }) => payload.readUInt16BE(0));
}

test("closing: an upstream that has got the client's close frame gets none of ours", () => {
  const wire = opened();
  wire.fromDownstream(masked({ opcode: 8, payload: closePayload(1000) }));
  wire.fromUpstream(frame({ payload: "enough" }));
  assert.deepEqual(closesIn(wire.toUpstream), [1000]);
  assert.deepEqual(closesIn(wire.toDownstream), [1013]);
});

test("closing: a client that has got the upstream's close frame gets none of ours", () => {
  const wire = opened();
  wire.fromUpstream(frame({ opcode: 8, payload: closePayload(1001) }));
  wire.fromDownstream(masked({ payload: "enough" }));
  assert.deepEqual(closesIn(wire.toDownstream), [1001]);
  assert.deepEqual(closesIn(wire.toUpstream), [1001]);
});

test("closing: nothing is written behind an end that has gone on", () => {
  const ofClient = opened();
  ofClient.downstreamFin();
  ofClient.fromUpstream(frame({ payload: "enough" }));
  assert.deepEqual(closesIn(ofClient.toUpstream), []);
  assert.deepEqual(closesIn(ofClient.toDownstream), [1013]);
  const ofUpstream = opened();
  ofUpstream.upstreamFin();
  ofUpstream.fromDownstream(masked({ payload: "enough" }));
  assert.deepEqual(closesIn(ofUpstream.toDownstream), []);
  assert.deepEqual(closesIn(ofUpstream.toUpstream), [1001]);
});
