// Sockets on the short way behave as those that Node reads and writes: order, pauses, ends and failures are the same, and so is
// how long they keep the process.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { type Shortcut, type ShortcutSocket, ShortWay } from "../../../src/core/shortcut.ts";
import { openLibc } from "../../../src/proxy/kernel/libc.ts";
import { createShortcut } from "../../../src/proxy/kernel/shortcut.ts";

const run = promisify(execFile);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Pair extends AsyncDisposable {
  /** The one that goes the short way, once it is busy. */
  readonly socket: Socket;
  readonly way: ShortWay;
  /** How many of these bytes the kernel takes by the short way; 0 before the socket is taken over. */
  readonly writeNow: (bytes: Uint8Array) => number;
  readonly peer: Socket;
  /** All that the socket has read. */
  readonly text: () => string;
  readonly reads: { count: number };
}

/** A connection on loopback whose dialling end is busy and read through `shortcut`, into a buffer of so many bytes. */
async function openPair(shortcut: Shortcut, bufferBytes = 1_024): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address && typeof address === "object" ? address.port : 0;
  const accepted = once(server, "connection");
  const buffer = Buffer.alloc(bufferBytes);
  const reads = { count: 0 };
  const parts: Buffer[] = [];
  let taken: ShortcutSocket | null = null;
  const watched: Shortcut = {
    take: (...given) => {
      taken = shortcut.take(...given);
      return taken;
    },
    close: () => shortcut.close(),
  };
  const writeNow = (bytes: Uint8Array) => taken?.write(bytes) ?? 0;
  const way = new ShortWay(watched, {
    nextBuffer: () => buffer,
    received: (bytes, from) => {
      reads.count++;
      parts.push(Buffer.from(from.subarray(0, bytes)));
      return true;
    },
  });
  const { buffer: next, callback } = way.readsOfNode();
  const onread = {
    buffer: next,
    callback: (bytes: number, into: Uint8Array) => callback(bytes, into as Buffer),
  };
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, onread });
  way.open(socket);
  socket.on("close", () => way.forget());
  socket.on("error", () => undefined);
  const [peer] = (await accepted) as [Socket];
  peer.on("error", () => undefined);
  const text = () => Buffer.concat(parts).toString("latin1");
  const pair: Pair = {
    ...{ socket, way, writeNow, peer, text, reads },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      peer.destroy();
      server.close();
      await once(server, "close");
    },
  };
  await makeBusy(pair);
  return pair;
}

/** Says a word at a time until the socket is taken over; then all that was read is forgotten. */
async function makeBusy({ socket, peer, reads, writeNow }: Pair): Promise<void> {
  for (let said = 0; !isTaken(socket); said++) {
    assert.ok(said < 1_000, "the socket is never taken over");
    const before = reads.count;
    peer.write("?");
    while (reads.count === before) await turn();
  }
  assert.equal(writeNow(Buffer.from("!")), 1);
  await once(peer, "data");
}

/** Node's handle has got a `readStart` of its own then. */
const isTaken = (socket: Socket): boolean =>
  Object.hasOwn((socket as unknown as { _handle: object })._handle ?? {}, "readStart");

async function withPair(work: (pair: Pair) => Promise<void>, bufferBytes?: number): Promise<void> {
  const shortcut = createShortcut((why) => assert.fail(why));
  try {
    await using pair = await openPair(shortcut, bufferBytes);
    await work(pair);
  } finally {
    shortcut.close();
  }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await turn();
};

test("short way: bytes arrive in their order, more than a turn reads", () =>
  withPair(async ({ peer, text, socket }) => {
    const before = text().length;
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => 97 + (i % 26)));
    peer.write(sent);
    await until(() => text().length - before >= sent.length);
    assert.equal(text().slice(before), sent.toString("latin1"));
    assert.ok(isTaken(socket));
  }));

test("short way: a pause holds, and what came meanwhile is read afterwards", () =>
  withPair(async ({ socket, peer, text }) => {
    const before = text().length;
    socket.pause();
    peer.write("while paused");
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(text().length, before);
    socket.resume();
    await until(() => text().endsWith("while paused"));
    peer.write(" and after");
    await until(() => text().endsWith("while paused and after"));
  }));

test("short way: an end comes behind the last bytes, and the other direction stays open", () =>
  withPair(async ({ socket, peer, text, writeNow }) => {
    const ended = once(socket, "end");
    peer.end("the last words");
    await ended;
    assert.ok(text().endsWith("the last words"));
    const heard = once(peer, "data");
    const answer = Buffer.from("heard");
    const sent = writeNow(answer);
    socket.end(answer.subarray(sent));
    assert.equal(String((await heard)[0]), "heard");
  }));

test("short way: a reset is an error as Node tells it", () =>
  withPair(async ({ socket, peer }) => {
    const failed = once(socket, "error");
    peer.resetAndDestroy();
    const [error] = await failed;
    assert.deepEqual([error.code, error.syscall, error.message], ["ECONNRESET", "read", "read ECONNRESET"]);
  }));

test("short way: an end while it is paused is told when it goes on", () =>
  withPair(async ({ socket, peer, text }) => {
    socket.pause();
    peer.end("bye");
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(socket.readableEnded, false);
    const ended = once(socket, "end");
    socket.resume();
    await ended;
    assert.ok(text().endsWith("bye"));
  }));

test("short way: urgent data (RFC 9293 §3.8.5) do not keep back what stands behind them", () =>
  withPair(async ({ peer, text }) => {
    const { libc } = openLibc();
    const { fd } = (peer as unknown as { _handle: { fd: number } })._handle;
    peer.write("before ");
    assert.equal(libc.send(fd, Buffer.from("u"), 1, 1), 1); // MSG_OOB
    peer.write("behind");
    await until(() => text().endsWith("before behind"));
    peer.write(", and later");
    await until(() => text().endsWith("before behind, and later"));
  }));

test("short way: what the kernel does not take at once is written by the socket", () =>
  withPair(async ({ socket, peer, way }) => {
    peer.pause();
    const parts: Buffer[] = [];
    do parts.push(Buffer.alloc(30_000, 97 + (parts.length % 26)));
    while (way.write(socket, parts.at(-1) ?? Buffer.alloc(0)));
    const sent = Buffer.concat(parts);
    const got: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => got.push(chunk));
    peer.resume();
    await once(socket, "drain");
    await until(() => got.reduce((sum, { length }) => sum + length, 0) >= sent.length);
    assert.ok(Buffer.concat(got).equals(sent));
  }));

test("short way: a flow in bulk is read by Node again, until its reads are small once more", () =>
  withPair(async (pair) => {
    const { socket, peer, text } = pair;
    const before = text().length;
    const sent = Buffer.from(Array.from({ length: 8_000_000 }, (_, i) => 97 + (i % 26)));
    peer.write(sent);
    await until(() => !isTaken(socket));
    await until(() => text().length - before >= sent.length);
    assert.equal(text().slice(before), sent.toString("latin1"));
    await makeBusy(pair);
    peer.write("small again");
    await until(() => text().endsWith("small again"));
  }, 65_536));

test("short way: what the kernel does not take goes by the socket, in its order", () =>
  withPair(async ({ socket, peer, writeNow }) => {
    peer.pause();
    const parts: Buffer[] = [];
    let bytes = 0;
    for (let i = 0; socket.writableLength === 0; i++) {
      const part = Buffer.alloc(100_000, 97 + (i % 26));
      const sent = writeNow(part);
      parts.push(part);
      bytes += part.length;
      if (sent < part.length) socket.write(part.subarray(sent));
    }
    assert.equal(writeNow(Buffer.from("z")), 0, "earlier bytes wait in the socket");
    const got: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => got.push(chunk));
    peer.resume();
    await until(() => got.reduce((sum, { length }) => sum + length, 0) >= bytes);
    assert.ok(Buffer.concat(got).equals(Buffer.concat(parts)));
    await until(() => socket.writableLength === 0);
    assert.equal(writeNow(Buffer.from("z")), 1);
  }));

test("short way: a write to a peer that has gone is an error of the socket, and not of whoever writes", () =>
  withPair(async ({ socket, peer, writeNow }) => {
    const failed = once(socket, "error");
    peer.resetAndDestroy(); // at once: the write meets it before anybody has been told of it
    assert.equal(writeNow(Buffer.from("too late")), 8);
    assert.equal(writeNow(Buffer.from("again")), 5);
    const [error] = await failed;
    assert.equal(error.syscall, "write");
    assert.match(error.code, /^(?:ECONNRESET|EPIPE)$/);
    assert.equal(socket.destroyed, true);
    assert.equal(writeNow(Buffer.from("gone")), 0);
  }));

test("short way: nothing is written behind the end that was said, or to a socket that is closed", () =>
  withPair(async ({ socket, writeNow }) => {
    socket.end();
    assert.equal(writeNow(Buffer.from("x")), 0);
    socket.destroy();
    assert.equal(writeNow(Buffer.from("x")), 0);
  }));

test("short way: a socket that is given back is read by Node, from where it was", () =>
  withPair(async ({ socket, peer, text, way }) => {
    peer.write("one ");
    await until(() => text().endsWith("one "));
    way.close();
    assert.equal(isTaken(socket), false);
    peer.write("t".repeat(5_000));
    await until(() => text().endsWith(`one ${"t".repeat(5_000)}`));
    way.open(socket);
    for (let i = 0; !isTaken(socket); i++) {
      peer.write(String(i % 10));
      await turn();
    }
    peer.write("!");
    await until(() => text().endsWith("!"));
  }));

test("short way: more sockets than one turn tells of are all read", async () => {
  const shortcut = createShortcut((why) => assert.fail(why));
  const pairs = await Promise.all(Array.from({ length: 200 }, () => openPair(shortcut)));
  for (const [i, { peer }] of pairs.entries()) peer.write(`for ${i}.`);
  for (const [i, { text }] of pairs.entries()) await until(() => text().endsWith(`for ${i}.`));
  // Seats change hands.
  await Promise.all(pairs.splice(50, 100).map((pair) => pair[Symbol.asyncDispose]()));
  pairs.push(...(await Promise.all(Array.from({ length: 50 }, () => openPair(shortcut)))));
  for (const [i, { peer }] of pairs.entries()) peer.write(`then ${i}.`);
  for (const [i, { text }] of pairs.entries()) await until(() => text().endsWith(`then ${i}.`));
  for (const { socket } of pairs) assert.ok(isTaken(socket));
  shortcut.close();
  for (const { socket } of pairs) assert.equal(isTaken(socket), false);
  for (const [i, { peer }] of pairs.entries()) peer.write(`by Node ${i}.`);
  for (const [i, { text }] of pairs.entries()) await until(() => text().endsWith(`by Node ${i}.`));
  await Promise.all(pairs.map((pair) => pair[Symbol.asyncDispose]()));
});

test("short way: a socket keeps the process as long as it is open, and no longer", async () => {
  const script = `
    import { connect, createServer } from "node:net";
    import { ShortWay } from ${JSON.stringify(import.meta.resolve("../../../src/core/shortcut.ts"))};
    import { createShortcut } from ${JSON.stringify(import.meta.resolve("../../../src/proxy/kernel/shortcut.ts"))};
    const buffer = Buffer.alloc(1024);
    const shortcut = createShortcut((why) => { throw new Error(why); });
    const way = new ShortWay(shortcut, { nextBuffer: () => buffer, received: () => { socket.write("."); return true; } });
    const { buffer: next, callback } = way.readsOfNode();
    const socket = connect({ port: Number(process.argv[1]), host: "127.0.0.1", onread: { buffer: next, callback } });
    way.open(socket);
    socket.on("close", () => { way.forget(); console.log("closed"); });`;
  let words = 0;
  const server = createServer((peer) => {
    peer.on("error", () => undefined);
    peer.write("?");
    // Busy first, then silent for a while.
    peer.on("data", () => {
      if (++words < 200) peer.write("?");
      else setTimeout(() => peer.end(), 200);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address && typeof address === "object" ? address.port : 0;
  const argv = ["--input-type=module", "-e", script, String(port)];
  const { stdout } = await run(process.execPath, argv, { timeout: 10_000 });
  server.close();
  assert.equal(stdout, "closed\n");
});

test("short way: a socket that is closed is not taken, nor any once the short way is closed", async () => {
  const shortcut = createShortcut(() => assert.fail("nothing has failed"));
  await using pair = await openPair(shortcut);
  pair.socket.destroy();
  assert.equal(shortcut.take(pair.socket, { nextBuffer: () => Buffer.alloc(1), received: () => true }), null);
  shortcut.close();
  assert.equal(shortcut.take(pair.peer, { nextBuffer: () => Buffer.alloc(1), received: () => true }), null);
});
