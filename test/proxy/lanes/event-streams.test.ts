// Server-sent events through the lane: relayed without waiting, mocked as a script with times, disturbed one by one.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { openRig, openServer, type Rig, readUntil } from "../../support/rig.ts";
import { rulesOf } from "./websocket/sockets.ts";

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** An upstream whose events the test sends by hand. */
async function openByHand() {
  let settle: (socket: Socket) => void = () => undefined;
  const connected = new Promise<Socket>((resolve) => {
    settle = resolve;
  });
  const server = await openServer((socket) => {
    socket.once("data", () => {
      socket.write(head);
      settle(socket);
    });
  });
  return { server, connected };
}

async function ask(rig: Rig): Promise<Socket> {
  const socket = await rig.connect();
  socket.write("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
  return socket;
}

for (const [what, rules] of [
  ["no rule", []],
  ["a rule that delays the call", rulesOf("\n  - {name: d, fault: {delay: 1ms}}")],
  [
    "a rule that spares the events",
    rulesOf("\n  - {name: d, fault: {events: {drop: true, afterEvents: 100}}}"),
  ],
] as const)
  test(`relayed under ${what}: each event arrives before the next is sent`, async () => {
    const { server, connected } = await openByHand();
    await using _server = server;
    await using rig = await openRig({ upstream: server.address, rules });
    const client = await ask(rig);
    const upstream = await connected;
    for (const text of ["data: one\n\n", "id: 2\ndata: two\n\n", ": still here\n\n", "data: three\n\n"]) {
      const seen = readUntil(client, text);
      upstream.write(chunk(text));
      await seen; // the next one is not on its way: nothing can be waiting for more
    }
    client.destroy();
  });

/** The body of a response that ends, and whether it ended as its framing says. */
async function bodyOf(rig: Rig): Promise<{ text: string; whole: boolean; type: string | null }> {
  const reply = await fetch(`http://127.0.0.1:${rig.address.port}/events`);
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const part of reply.body ?? []) text += decoder.decode(part, { stream: true });
    return { text, whole: true, type: reply.headers.get("content-type") };
  } catch {
    return { text, whole: false, type: reply.headers.get("content-type") };
  }
}

test("respond events: a script of events with every field, and a loop", async () => {
  const rules = rulesOf(`
  - name: script
    respond:
      events:
        - {retry: 2s, comment: hello}
        - {event: price, id: "7", data: {json: {eur: 12}}}
        - {data: "two\\nlines", delay: 1ms}
        - {data: {text: "{{request.path}}", template: true}}
        - repeat: {times: 2, steps: [{data: tick, delay: 1ms}]}`);
  await using rig = await openRig({ rules });
  const { text, whole, type } = await bodyOf(rig);
  assert.equal(type, "text/event-stream");
  assert.ok(whole);
  const expected = [
    ": hello\nretry: 2000\n\n",
    'event: price\nid: 7\ndata: {"eur":12}\n\n',
    "data: two\ndata: lines\n\n",
    "data: /events\n\n",
    "data: tick\n\ndata: tick\n\n",
  ];
  assert.equal(text, expected.join(""));
});

test("respond events: an endless loop ends with its client", async () => {
  const rules = rulesOf(`
  - name: script
    respond: {events: [{repeat: {steps: [{data: tick, delay: 1ms}]}}]}`);
  await using rig = await openRig({ rules });
  const client = await ask(rig);
  await readUntil(client, /(?:data: tick[\s\S]*){3}/);
  client.destroy();
  const event = await rig.event(({ kind }) => kind === "call");
  assert.equal(event.kind === "call" && event.outcome !== "relayed", true);
});

const events = ["data: 1\n\n", "data: 2\r\n\r\n", ": only a comment\n\n", "data: 3\n\n", "data: 4\n\n"];
const faults: readonly (readonly [fault: string, expected: readonly string[], whole: boolean])[] = [
  ["{drop: true, afterEvents: 1}", ["data: 1\n\n", ": only a comment\n\n"], true],
  ["{duplicate: true, afterEvents: 3}", [...events, "data: 4\n\n"], true],
  ["{cut: true, afterEvents: 2}", events.slice(0, 3), false],
  ["{delay: 1ms}", events, true],
  ["{drop: true, probability: 0}", events, true],
];
for (const [fault, expected, whole] of faults)
  test(`fault events ${fault}`, async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const bytes = Buffer.from(events.join(""));
      // In pieces of seven bytes: the borders of events fall anywhere.
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const rules = rulesOf(`\n  - {name: f, fault: {events: ${fault}}}`);
    await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules });
    const got = await bodyOf(rig);
    assert.equal(got.text, expected.join(""));
    assert.equal(got.whole, whole);
    server.closeAllConnections();
    server.close();
  });

test("fault events: a response that is no event stream is left alone", async () => {
  const server = createServer((_request, response) => response.end("data: 1\n\ndata: 2\n\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const rules = rulesOf("\n  - {name: f, fault: {events: {drop: true}}}");
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules });
  assert.equal((await bodyOf(rig)).text, "data: 1\n\ndata: 2\n\n");
  server.closeAllConnections();
  server.close();
});
