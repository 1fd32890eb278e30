// Clients that people use, through the lane: Node's own WebSocket, an EventSource, socket.io and engine.io, and a GraphQL
// subscription of graphql-ws. What no rule names passes untouched.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { EventSource } from "eventsource";
import { buildSchema } from "graphql";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { WebSocketServer } from "ws";
import { openEcho, rulesOf } from "../proxy/lanes/websocket/sockets.ts";
import { openRig } from "../support/rig.ts";

/** Looks into every message of every WebSocket, and finds in none what it looks for. */
const looking = rulesOf(`
  - name: look
    matches: [{websocket: {}, message: {contains: never said by anybody}}]
    fault: {websocket: {cut: true}}`);

for (const [how, rules] of [
  ["no rule", []],
  ["a rule that looks into every message", looking],
] as const) {
  test(`socket.io: polling, the upgrade to a WebSocket, events and answers, under ${how}`, async () => {
    const http = createServer();
    const server = new Server(http, { perMessageDeflate: { threshold: 0 } });
    server.on("connection", (socket) => {
      socket.on("add", (a: number, b: number, answer: (sum: number) => void) => answer(a + b));
      socket.on("bytes", (bytes: Buffer) => socket.emit("bytes", Buffer.from(bytes).reverse()));
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    await using rig = await openRig({
      upstream: { host: "127.0.0.1", port: (http.address() as AddressInfo).port },
      rules,
    });
    const client = io(`http://127.0.0.1:${rig.address.port}`, { reconnection: false });
    await new Promise<void>((resolve, reject) => {
      client.on("connect_error", reject);
      client.on("connect", () => {
        const { engine } = client.io;
        if (engine.transport.name === "websocket") resolve();
        else engine.once("upgrade", () => resolve());
      });
    });
    assert.equal(client.io.engine.transport.name, "websocket");
    assert.equal(await client.emitWithAck("add", 2, 3), 5);
    const answered = new Promise<Buffer>((resolve) => client.once("bytes", resolve));
    client.emit("bytes", Buffer.from([1, 2, 255]));
    assert.deepEqual([...(await answered)], [255, 2, 1]);
    client.close();
    await server.close();
  });

  test(`graphql-ws: a subscription by its client from its server, under ${how}`, async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    const schema = buildSchema("type Query { n: Int } type Subscription { n: Int }");
    const count = async function* () {
      for (const n of [1, 2]) yield { n };
    };
    const disposable = useServer({ schema, roots: { subscription: { n: count } } }, server);
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules });
    const url = `ws://127.0.0.1:${rig.address.port}/graphql`;
    const client = createClient({ url, retryAttempts: 0 });
    const got: unknown[] = [];
    for await (const { data } of client.iterate({ query: "subscription { n }" })) got.push(data?.n);
    assert.deepEqual(got, [1, 2]);
    await client.dispose();
    await disposable.dispose();
  });
}

test("Node's WebSocket: a message is answered, text and binary messages pass", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: answer
    matches: [{websocket: {}, message: {equalTo: ping}}]
    respond: {websocket: [{send: pong}]}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  const client = new WebSocket(`ws://127.0.0.1:${rig.address.port}/`);
  client.binaryType = "arraybuffer";
  const got: unknown[] = [];
  await new Promise<void>((resolve) => {
    client.onopen = () => client.send("ping");
    client.onmessage = ({ data }) => {
      got.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
      if (got.length === 1) client.send(new Uint8Array([0, 255]));
      if (got.length === 2) resolve();
    };
  });
  assert.deepEqual(got, ["pong", [0, 255]]);
  const closed = new Promise<CloseEvent>((resolve) => {
    client.onclose = resolve;
  });
  client.close(3000, "done");
  assert.equal((await closed).code, 3000);
});

test("EventSource: scripted events arrive with their types and ids, and a client comes back with the last id", async () => {
  const rules = rulesOf(`
  - name: again
    priority: 1
    matches: [{headers: {last-event-id: "7"}}]
    respond: {events: [{event: end, data: welcome back}, {repeat: {steps: [{comment: x, delay: 1s}]}}]}
  - name: first
    respond: {events: [{retry: 1ms}, {event: price, id: "7", data: {json: {eur: 1}}}]}`);
  await using rig = await openRig({ rules });
  const source = new EventSource(`http://127.0.0.1:${rig.address.port}/`);
  const price = new Promise<MessageEvent>((resolve) => source.addEventListener("price", resolve));
  const end = new Promise<MessageEvent>((resolve) => source.addEventListener("end", resolve));
  assert.equal((await price).data, '{"eur":1}');
  assert.equal((await price).lastEventId, "7");
  assert.equal((await end).data, "welcome back");
  source.close();
});

test("Node's EventSource: scripted events arrive with their types and ids", async () => {
  const rules = rulesOf(`
  - name: prices
    respond: {events: [{event: price, id: "7", data: {json: {eur: 1}}}, {repeat: {steps: [{comment: x, delay: 1s}]}}]}`);
  await using rig = await openRig({ rules });
  const script = `const source = new EventSource(process.argv[1]);
    source.addEventListener("price", ({ data, lastEventId }) => {
      console.log(lastEventId, data);
      source.close();
    });`;
  const url = `http://127.0.0.1:${rig.address.port}/`;
  const args = ["--no-warnings", "--experimental-eventsource", "-e", script, url];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
  assert.equal(stdout, '7 {"eur":1}\n');
});
