// Rules of a dialect on bodies that do not end: both HTTP lanes decide as soon as the dialect has seen enough, and let
// go of what they hold where nothing comes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { Dialect } from "../../../../src/core/dialect.ts";
import { lineDialect, lines } from "../../../support/line-dialect.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { openRig, openServer, readUntil } from "../../../support/rig.ts";

const rules = [
  { name: "shout", matches: [lines("/talk hello")] },
  { name: "mark", matches: [lines("/marked")] },
];
const head = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/x-lines\r\nTransfer-Encoding: chunked\r\n\r\n`;

test("dialects: http/1 answers a stream whose first line matches, before it ends", async () => {
  await using rig = await openRig({ rules, dialects: [lineDialect] });
  const client = await rig.connect();
  client.write(`${head("/talk")}3\r\nhel\r\n`);
  client.write("4\r\nlo\nm\r\n");
  await readUntil(client, "shouted by shout");
});

test("dialects: http/1 relays a stream whose first line does not match, as it came, and goes on with it", async () => {
  let seen = "";
  const arrived = Promise.withResolvers<void>();
  await using upstream = await openServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (!seen.includes("more")) return;
      arrived.resolve();
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  await using rig = await openRig({ rules, dialects: [lineDialect], upstream: upstream.address });
  const client = await rig.connect();
  client.write(`${head("/talk")}4\r\nbye\n\r\n`);
  client.write("4\r\nmore\r\n");
  await arrived.promise;
  assert.equal(seen, `${head("/talk")}4\r\nbye\n\r\n4\r\nmore\r\n`);
  client.write("0\r\n\r\n");
  await readUntil(client, "ok");
});

test("dialects: http/1 lets a silent stream go on after a while, and then leaves it alone", async () => {
  const [held, relayed] = [Promise.withResolvers<void>(), Promise.withResolvers<Socket>()];
  await using upstream = await openServer((socket) => {
    socket.once("data", () => relayed.resolve(socket));
  });
  const clock = manualClock();
  const dialect: Dialect = {
    ...lineDialect,
    bytesNeeded(_head, payload) {
      held.resolve();
      return payload.length + 1;
    },
  };
  await using rig = await openRig({
    rules,
    dialects: [dialect],
    upstream: upstream.address,
    deadlines: { ruleBodyMs: 20, bodyIdleMs: 1_000 },
    tickMs: 5,
    clock,
  });
  const client = await rig.connect();
  client.write(`${head("/talk")}3\r\nhel\r\n`);
  await held.promise;
  await clock.advance(25);
  const socket = await relayed.promise;
  await clock.advance(900);
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
  await readUntil(client, "first");
});

test("dialects: http/1 leaves a stream that was decided by its first line alone while it is silent", async () => {
  const relayed = Promise.withResolvers<Socket>();
  await using upstream = await openServer((socket) => {
    socket.once("data", () => relayed.resolve(socket));
  });
  const clock = manualClock();
  await using rig = await openRig({
    rules,
    dialects: [lineDialect],
    upstream: upstream.address,
    deadlines: { ruleBodyMs: 20, bodyIdleMs: 1_000 },
    tickMs: 5,
    clock,
  });
  const client = await rig.connect();
  client.write(`${head("/talk")}4\r\nbye\n\r\n`);
  const socket = await relayed.promise;
  await clock.advance(900);
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
  await readUntil(client, "first");
});

test("dialects: an effect of theirs stands around the relayed reply", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  await using rig = await openRig({ rules, dialects: [lineDialect], upstream: upstream.address });
  const client = await rig.connect();
  client.write(`${head("/marked")}0\r\n\r\n`);
  assert.match(await readUntil(client, "ok"), /x-mark: mark/);
});

/** Streams over HTTP/2 through a rig to an upstream that answers with what it hears, from the first byte. */
async function overHttp2(
  work: (open: (path: string) => ReturnType<typeof request>) => Promise<void>,
  ruleBodyMs = 2_000,
) {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    stream.write("open ");
    stream.on("data", (part: Buffer) => stream.write(part));
    stream.on("end", () => stream.end());
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using rig = await openRig({
    rules,
    dialects: [lineDialect],
    upstream: { host: "127.0.0.1", port },
    deadlines: { ruleBodyMs },
  });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  client.on("error", () => undefined);
  try {
    await work((path) => request(client, path));
  } finally {
    client.destroy();
    for (const session of sessions) session.destroy();
    server.close();
  }
}

function request(client: ReturnType<typeof connect>, path: string) {
  const stream = client.request({ ":method": "POST", ":path": path, "content-type": "text/x-lines" });
  stream.on("error", () => undefined);
  let text = "";
  const until = (wanted: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (text.includes(wanted)) resolve();
      };
      stream.on("data", look);
      look();
    });
  stream.on("data", (part: Buffer) => {
    text += part.toString();
  });
  return { stream, until, text: () => text };
}

test("dialects: http/2 answers a stream whose first line matches, before it ends", () =>
  overHttp2(async (open) => {
    const { stream, until } = open("/talk");
    stream.write("hel");
    stream.write("lo\nmore");
    await until("shouted by shout");
  }));

test("dialects: http/2 relays a stream whose first line does not match, and goes on with it", () =>
  overHttp2(async (open) => {
    const { stream, until, text } = open("/talk");
    stream.write("bye\n");
    await until("bye");
    stream.write("more");
    await until("more");
    assert.equal(text(), "open bye\nmore");
    stream.end();
    await once(stream, "close");
  }));

test("dialects: http/2 lets a silent stream go on after a while", () =>
  overHttp2(async (open) => {
    const { stream, until, text } = open("/talk");
    await until("open");
    stream.end("hello\n");
    await once(stream, "close");
    assert.equal(text(), "open hello\n");
  }, 20));
