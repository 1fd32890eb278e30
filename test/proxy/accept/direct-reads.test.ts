import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, Server, type Socket } from "node:net";
import { test } from "node:test";
import type { Inlet } from "../../../src/core/inlet.ts";
import { createReadBuffers } from "../../../src/core/read-buffers.ts";
import { readDirectly } from "../../../src/proxy/accept/direct-reads.ts";

interface Accepted {
  readonly socket: Socket;
  readonly inlet: Inlet;
}

async function open(maxConnections = 10) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const waiting: ((accepted: Accepted) => void)[] = [];
  const taken = readDirectly(server, {
    buffers: createReadBuffers(),
    shortcut: null,
    maxConnections,
    accept: (socket, inlet) => waiting.shift()?.({ socket, inlet }),
  });
  assert.equal(taken, true, "this Node hands its accepted sockets over");
  const address = server.address();
  const port = address && typeof address === "object" ? address.port : 0;
  const dial = () => connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  return {
    dial,
    async pair(): Promise<Accepted & { client: Socket }> {
      const accepted = new Promise<Accepted>((resolve) => waiting.push(resolve));
      const client = dial();
      return { client, ...(await accepted) };
    },
    [Symbol.dispose]: () => void server.close(),
  };
}

/** The chunks that a sink gets, one at a time. */
function collect(inlet: Inlet, isFree: boolean) {
  const chunks: Buffer[] = [];
  let wake = () => {};
  inlet.direct((chunk) => {
    chunks.push(chunk);
    wake();
    return isFree;
  });
  return {
    chunks,
    next: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
}

test("direct reads: a chunk that is held is not written over, a free one is", async () => {
  using server = await open();
  for (const isFree of [false, true]) {
    const { client, socket, inlet } = await server.pair();
    const { chunks, next } = collect(inlet, isFree);
    for (const text of ["first", "other"]) {
      const arrived = next();
      client.write(text);
      await arrived;
    }
    const same = chunks[0]?.buffer === chunks[1]?.buffer && chunks[0]?.byteOffset === chunks[1]?.byteOffset;
    assert.equal(same, isFree);
    assert.deepEqual(chunks.map(String), isFree ? ["other", "other"] : ["first", "other"]);
    socket.destroy();
    client.destroy();
  }
});

test("direct reads: what came before the sink comes first, and no byte is lost between sink and events", async () => {
  using server = await open();
  const { client, socket, inlet } = await server.pair();
  client.write("early ");
  await once(socket, "readable");
  const { chunks, next } = collect(inlet, false);
  assert.equal(Buffer.concat(chunks).toString(), "early ");
  const arrived = next();
  client.write("direct ");
  await arrived;
  inlet.direct(null);
  client.end("late");
  const rest: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => rest.push(chunk));
  await once(socket, "end");
  assert.equal(Buffer.concat([...chunks, ...rest]).toString(), "early direct late");
  socket.destroy();
});

test("direct reads: events get every byte of a large upload, also where they pause", async () => {
  using server = await open();
  const { client, socket } = await server.pair();
  const sent = Buffer.alloc(3_000_000);
  for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(i, i);
  client.end(sent);
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => {
    received.push(chunk);
    socket.pause();
    setImmediate(() => socket.resume());
  });
  await once(socket, "end");
  assert.ok(Buffer.concat(received).equals(sent));
  socket.destroy();
});

test("direct reads: a FIN is an end event, writing goes on behind it", async () => {
  using server = await open();
  const { client, socket, inlet } = await server.pair();
  const { chunks } = collect(inlet, false);
  socket.resume(); // as whoever takes the bytes directly does
  client.end("last words");
  await once(socket, "end");
  assert.equal(Buffer.concat(chunks).toString(), "last words");
  socket.end("answer");
  const [answer] = await once(client, "data");
  assert.equal(String(answer), "answer");
});

test("direct reads: connections beyond the limit are closed as they come", async () => {
  using server = await open(1);
  const { client, socket } = await server.pair();
  const refused = server.dial();
  refused.resume();
  await once(refused, "end");
  refused.destroy();
  client.destroy();
  socket.destroy();
  await once(socket, "close");
  const again = await server.pair();
  again.client.destroy();
  again.socket.destroy();
});

test("direct reads: a server without a handle of the known shape keeps its connections", () => {
  const deps = { buffers: createReadBuffers(), shortcut: null, maxConnections: 1, accept: () => undefined };
  assert.equal(readDirectly(new Server(), deps), false);
});
