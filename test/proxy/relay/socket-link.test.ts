// The link's promises about its read buffer, and about how it ends.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { createDeadlines } from "../../../src/core/deadlines.ts";
import type { LinkEnd, LinkEvents } from "../../../src/core/link.ts";
import { createReadBuffers, nextStep } from "../../../src/core/read-buffers.ts";
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

test("read buffers: grow when a read fills them, shrink when reads get small, and come back from the pool", () => {
  const buffers = createReadBuffers(1);
  const sizes = [0, 1, 2, 3].map((step) => buffers.take(step).length);
  assert.deepEqual(sizes, [1_024, 4_096, 32_768, 262_144]);
  for (const [step, size] of sizes.entries()) assert.equal(nextStep(step, size), Math.min(step + 1, 3));
  assert.equal(nextStep(3, 200_000), 3);
  assert.equal(nextStep(3, 1_000), 2);
  assert.equal(nextStep(0, 1), 0);
  const large = buffers.take(3);
  buffers.give(large);
  buffers.give(Buffer.alloc(262_144));
  assert.equal(buffers.take(3), large);
  assert.notEqual(buffers.take(3), large);
});
