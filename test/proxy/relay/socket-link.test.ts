// The link's promises about its read buffer, and about how it ends.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { createDeadlines } from "../../../src/core/deadlines.ts";
import type { LinkEnd, LinkEvents } from "../../../src/core/link.ts";
import { createReadBuffers, ReadStep } from "../../../src/core/read-buffers.ts";
import { createDial } from "../../../src/proxy/relay/socket-link.ts";
import { openServer, type TestServer } from "../../support/rig.ts";

/** A link to `server`, whose chunks go to `take`; `next` resolves at the next event. */
function open(server: Pick<TestServer, "address">, take: (chunk: Buffer) => boolean) {
  let wake: () => void = () => undefined;
  const ends: [LinkEnd | "end", string][] = [];
  const told = () => {
    wake();
  };
  const events: LinkEvents = {
    data(chunk) {
      const free = take(chunk);
      told();
      return free;
    },
    drain: told,
    end() {
      ends.push(["end", ""]);
      told();
    },
    close(how, detail) {
      ends.push([how, detail]);
      told();
    },
  };
  const dial = createDial({
    clock: systemClock,
    deadlines: createDeadlines(systemClock, 10),
    connectMs: 5_000,
    buffers: createReadBuffers(),
    shortcut: null,
  });
  const link = dial(server.address, events);
  const next = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return { link, ends, next };
}

/** A server that hands its one connection out. */
async function oneConnection(): Promise<{ server: TestServer; socket: Promise<Socket> }> {
  let hand: (socket: Socket) => void = () => undefined;
  const socket = new Promise<Socket>((resolve) => {
    hand = resolve;
  });
  return { server: await openServer((accepted) => hand(accepted)), socket };
}

test("link: a chunk that is held is not written over by the next ones", async () => {
  const { server, socket } = await oneConnection();
  const chunks: Buffer[] = [];
  const { link, next } = open(server, (chunk) => {
    chunks.push(chunk);
    return false;
  });
  for (const text of ["first", "second", "third"]) {
    const arrived = next();
    (await socket).write(text);
    await arrived;
  }
  assert.deepEqual(chunks.map(String), ["first", "second", "third"]);
  link.destroy(false);
  await server[Symbol.asyncDispose]();
});

test("link: a buffer that is free is read into again", async () => {
  const { server, socket } = await oneConnection();
  const chunks: Buffer[] = [];
  const { link, next } = open(server, (chunk) => {
    chunks.push(chunk);
    return true;
  });
  for (const text of ["first", "again"]) {
    const arrived = next();
    (await socket).write(text);
    await arrived;
  }
  assert.deepEqual(chunks.map(String), ["again", "again"]);
  link.destroy(false);
  await server[Symbol.asyncDispose]();
});

test("link: paused with a held chunk, it reads again only when resumed and released", async () => {
  const { server, socket } = await oneConnection();
  const chunks: Buffer[] = [];
  const opened = open(server, (chunk) => {
    chunks.push(chunk);
    if (chunks.length > 1) return true;
    opened.link.pause();
    return false;
  });
  const first = opened.next();
  (await socket).write("first");
  await first;
  (await socket).write("second");
  opened.link.resume();
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.deepEqual(chunks.map(String), ["first"]);
  const second = opened.next();
  opened.link.released();
  await second;
  assert.equal(String(chunks[1]), "second");
  opened.link.destroy(false);
  await server[Symbol.asyncDispose]();
});

test("link: tells once how it ended", async () => {
  const { server, socket } = await oneConnection();
  const finished = open(server, () => true);
  const end = finished.next();
  (await socket).end();
  await end;
  assert.deepEqual(finished.ends, [["end", ""]]);
  finished.link.destroy(false);
  await server[Symbol.asyncDispose]();

  const again = await oneConnection();
  const cut = open(again.server, () => true);
  const connected = cut.next();
  (await again.socket).write("x");
  await connected;
  const reset = cut.next();
  (await again.socket).resetAndDestroy();
  await reset;
  assert.equal(cut.ends[0]?.[0], "reset");
  await again.server[Symbol.asyncDispose]();

  const refused = open(again.server, () => true);
  await refused.next();
  assert.deepEqual(refused.ends, [
    ["refused", `127.0.0.1:${again.server.address.port} refused the connection`],
  ]);
});

test("read buffers: a batch a little larger than the buffer is torn in two once, not each time", () => {
  const step = new ReadStep();
  const reads: number[] = [];
  for (let batch = 0; batch < 20; batch++)
    for (let left = 1_120; left > 0; ) {
      const read = Math.min(left, [1_024, 4_096][step.at] ?? 0);
      step.after(read);
      reads.push(read);
      left -= read;
    }
  assert.deepEqual(reads.slice(0, 3), [1_024, 96, 1_120]);
  assert.equal(reads.length, 21);
});

test("read buffers: grow when a read fills them, shrink when reads stay small, and come back from the pool", () => {
  const buffers = createReadBuffers(1);
  const sizes = [0, 1, 2, 3].map((step) => buffers.take(step).length);
  assert.deepEqual(sizes, [1_024, 4_096, 32_768, 524_288]);
  const step = new ReadStep();
  for (const [at, size] of sizes.entries()) {
    assert.equal(step.at, at);
    assert.equal(step.after(size), at < 3);
  }
  assert.equal(step.after(200_000), false);
  assert.equal(step.after(1_000), true, "the largest buffers are few, so they go back at once");
  assert.equal(step.at, 2);
  for (let i = 1; i < 16; i++) assert.equal(step.after(100), false);
  assert.equal(step.after(2_048), false, "a read that is not small starts the count anew");
  for (let i = 1; i < 16; i++) assert.equal(step.after(100), false);
  assert.equal(step.after(100), true);
  for (let i = 0; i < 16; i++) step.after(1);
  assert.deepEqual([step.at, step.after(1)], [0, false]);
  const large = buffers.take(3);
  buffers.give(large);
  buffers.give(Buffer.alloc(524_288));
  assert.equal(buffers.take(3), large);
  assert.notEqual(buffers.take(3), large);
});
