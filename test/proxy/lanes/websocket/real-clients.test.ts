// WebSockets through the lane with `ws` at both ends: what rules do to messages, and that everything else arrives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "../../../support/rig.ts";
import { messagesOf, openClient, openEcho, rulesOf } from "./sockets.ts";

test("no rule: messages pass, compressed ones too", async () => {
  await using echo = await openEcho();
  await using rig = await openRig({ upstream: echo.address });
  await using client = await openClient(rig.address);
  assert.equal(client.socket.extensions, "permessage-deflate");
  client.socket.send("a".repeat(5_000));
  assert.equal(await client.next(), "a".repeat(5_000));
});

test("a rule looks into every message and changes none: all arrive as they were", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: never
    matches: [{websocket: {path: /chat}, message: {contains: no such text}}]
    fault: {websocket: {closeCode: 1013}}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  const sent = ["one", "é".repeat(70_000), "three", ""];
  for (const text of sent) client.socket.send(text);
  assert.deepEqual(await messagesOf(client, 4), sent);
});

test("respond beside message: the message is answered here, others go on", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: answer
    matches: [{websocket: {path: /chat, direction: toUpstream}, message: {equalToJson: {type: ask}, ignoreExtraElements: true}}]
    respond: {websocket: [{send: {json: {answer: "{{request.json.id}}"}, template: true}}]}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  client.socket.send('{"type":"ask","id":7}');
  assert.equal(await client.next(), '{"answer":"7"}');
  client.socket.send("else");
  assert.equal(await client.next(), "else");
  assert.deepEqual(echo.got, ["else"]);
});

test("respond without message: the whole conversation is ours", async () => {
  const rules = rulesOf(`
  - name: script
    matches: [{websocket: {path: /chat, subprotocol: v2}}]
    respond:
      subprotocol: v2
      websocket:
        - send: welcome
        - expect: {contains: hello}
        - send: {text: "you said {{request.body}}", template: true}
        - repeat: {times: 2, steps: [{wait: 1ms}, {send: tick}]}
        - close: {code: 4001, reason: done}`);
  await using rig = await openRig({ rules });
  await using client = await openClient(rig.address, ["v1", "v2"]);
  assert.equal(client.socket.protocol, "v2");
  assert.equal(await client.next(), "welcome");
  client.socket.send("what");
  client.socket.send("hello there");
  assert.deepEqual(await messagesOf(client, 3), ["you said hello there", "tick", "tick"]);
  assert.deepEqual(await client.closed, { code: 4001, reason: "done" });
});
