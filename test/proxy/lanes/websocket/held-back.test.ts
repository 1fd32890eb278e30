// Messages that a rule holds back, and that leave when the rule does: between two messages, never inside one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Traffic } from "../../../../src/core/lane.ts";
import { framesIn, masked } from "../../../conformance/websocket-frames.ts";
import { messageRules } from "../../../conformance/websocket-rules.ts";
import { openWire } from "../../../support/wire.ts";

const request =
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/** Gathers messages; `gone` takes it back. */
function gathering(gone: AbortController): Traffic["decideMessages"] {
  const decide = messageRules(`
  - name: gather
    matches: [{websocket: {path: /chat}, message: {contains: gathered}}]
    fault: {websocket: {reorderMessages: 3}}`);
  return (head, connection) => {
    const claim = decide(head, connection);
    return claim && { ...claim, rules: claim.rules.map((rule) => ({ ...rule, ends: gone.signal })) };
  };
}

test("held back: what leaves with its rule waits for the end of a message that passes unread", () => {
  const gone = new AbortController();
  const wire = openWire({ decideMessages: gathering(gone), limits: { maxRuleBodyBytes: 1_000 } });
  wire.fromDownstream(request);
  wire.fromUpstream(reply);
  const large = masked({ payload: "x".repeat(5_000) });
  wire.fromDownstream(masked({ payload: "gathered" }));
  wire.fromDownstream(large.subarray(0, 3_000));
  gone.abort();
  wire.fromDownstream(large.subarray(3_000));
  wire.fromDownstream(masked({ payload: "behind" }));
  const bytes = Buffer.from(wire.toUpstream.slice(wire.toUpstream.indexOf("\r\n\r\n") + 4), "latin1");
  const texts = framesIn(bytes).map(({ payload }) => payload.toString());
  assert.deepEqual(texts, ["x".repeat(5_000), "gathered", "behind"]);
});
