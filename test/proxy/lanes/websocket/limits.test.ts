// What one connection may make us keep: frames of a message that is held, messages that a script has not asked for,
// scripts that run at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox } from "../../../../src/proxy/lanes/websocket/inbox.ts";
import { masked } from "../../../conformance/websocket-frames.ts";
import { messageRules } from "../../../conformance/websocket-rules.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { openRig } from "../../../support/rig.ts";
import { openWire } from "../../../support/wire.ts";
import { messagesOf, openClient, openEcho, rulesOf } from "./sockets.ts";

const looking = messageRules(`
  - name: look
    matches: [{websocket: {path: /chat}, message: {contains: never said}}]
    fault: {websocket: {cut: true}}`);

test("a message of more than 16,384 frames is refused with 1008 where it would have to be held", () => {
  const wire = openWire({ decideMessages: looking });
  wire.fromDownstream(
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  wire.fromUpstream("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  const answered = wire.toDownstream.length;
  const first = masked({ fin: false, payload: "a" });
  const more = masked({ opcode: 0, fin: false, payload: "a" });
  wire.fromDownstream(Buffer.concat([first, ...Array.from({ length: 16_383 }, () => more)]));
  assert.equal(wire.toDownstream.length, answered, "as many are held");
  wire.fromDownstream(more);
  const close = Buffer.from(wire.toDownstream.slice(answered), "latin1");
  assert.equal(close.readUInt16BE(2), 1008);
});

test("messages that a script has not asked for: the oldest go, by number and by bytes, and are counted", async () => {
  const never = new AbortController().signal;
  const inbox = new Inbox();
  const push = (text: string) => inbox.push("toUpstream", { binary: false, bytes: Buffer.from(text) });
  for (let i = 0; i < 1_030; i++) push(String(i));
  assert.equal(inbox.lost, 6);
  assert.equal(String((await inbox.next("toUpstream", null, never)).bytes), "6");
  push("x".repeat(1_048_576));
  assert.equal(inbox.lost, 6 + 1_023);
  assert.equal((await inbox.next("toUpstream", null, never)).bytes.length, 1_048_576);
});

test("scripts that answer messages: 64 run at once, the next message waits for one of them, and none is lost", async () => {
  await using echo = await openEcho({ perMessageDeflate: false });
  const rules = rulesOf(`
  - name: answer
    matches: [{websocket: {direction: toUpstream}, message: {contains: ask}}]
    respond: {websocket: [{send: heard}, {wait: 1s}, {send: done}]}`);
  const clock = manualClock();
  await using rig = await openRig({ upstream: echo.address, rules, clock });
  await using client = await openClient(rig.address);
  for (let i = 0; i < 65; i++) client.socket.send("ask");
  client.socket.send("else");
  const heard = await messagesOf(client, 64);
  await clock.advance(1_000);
  const next = await messagesOf(client, 66);
  assert.deepEqual(new Set(heard), new Set(["heard"]));
  assert.equal(next[0], "done");
  assert.deepEqual(next.toSorted(), [...Array.from({ length: 64 }, () => "done"), "else", "heard"]);
});
