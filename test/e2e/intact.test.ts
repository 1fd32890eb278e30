// Bulk bytes through shared read buffers, to readers that stop and go: every byte arrives in its place, on every road.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { seededRandom } from "../../src/core/random.ts";
import { openRig, openServer, type Rig } from "../support/rig.ts";
import { replyWith } from "../support/rule-spec.ts";

const size = 3_000_000;

/** Bytes that differ from stream to stream and from place to place. */
function patternOf(stream: number): Buffer {
  const random = seededRandom(stream);
  const block = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4) block.writeUInt32LE(random.uint32(), i);
  return block;
}

const patterns = Array.from({ length: 6 }, (_, stream) => patternOf(stream));

function headOf(raw: boolean): string {
  if (raw) return "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n";
  return `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`;
}

/** Sends pattern n to `GET /n`; after `GET /raw/n`, an upgrade, as a raw stream. */
function serve(socket: Socket): void {
  socket.on("data", (chunk) => {
    const [, raw, stream] = /GET \/(raw\/)?(\d)/.exec(chunk.toString("latin1")) ?? [];
    const body = patterns[Number(stream)] ?? Buffer.alloc(0);
    socket.write(headOf(raw !== undefined));
    void writeInSlices(socket, body, Number(stream));
  });
}

/** Slices of every size, so that what waits in the sidecar is now a little, now a lot. */
async function writeInSlices(socket: Socket, body: Buffer, seed: number): Promise<void> {
  const random = seededRandom(seed);
  for (let at = 0; at < body.length && !socket.destroyed; ) {
    const bytes = 1 + (random.uint32() % 50_000);
    socket.write(body.subarray(at, at + bytes));
    at += bytes;
    await new Promise(setImmediate);
  }
}

/** Reads `bytes` bytes with pauses of a few turns of the event loop. */
async function readSlowly(socket: Socket, bytes: number, seed: number): Promise<Buffer> {
  const random = seededRandom(seed);
  const parts: Buffer[] = [];
  let got = 0;
  while (got < bytes) {
    const part = socket.read() as Buffer | null;
    if (part) {
      parts.push(part);
      got += part.length;
    }
    for (let turns = random.uint32() % 12; turns > 0; turns--) await new Promise(setImmediate);
    if (socket.destroyed) break;
  }
  return Buffer.concat(parts);
}

async function client(rig: Rig, stream: number, raw: boolean): Promise<void> {
  const socket = await rig.connect();
  socket.pause();
  for (let round = 0; round < 3; round++) {
    const headers = raw ? "Connection: upgrade\r\nUpgrade: raw\r\n" : "";
    socket.write(`GET /${raw ? "raw/" : ""}${stream} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    if (!raw) socket.write("GET /mock HTTP/1.1\r\nHost: x\r\n\r\n");
    const headBytes = headOf(raw).length;
    const seen = await readSlowly(socket, headBytes + size + (raw ? 0 : 1), stream * 10 + round);
    const from = seen.indexOf("\r\n\r\n") + 4;
    const body = seen.subarray(from, from + size);
    assert.equal(body.length, size);
    const expected = patterns[stream] ?? Buffer.alloc(0);
    assert.ok(
      body.equals(expected),
      `stream ${stream}, round ${round}: first difference at ${body.findIndex((byte, i) => byte !== expected[i])}`,
    );
    if (raw) break;
    let rest = seen.subarray(from + size).toString("latin1");
    while (!rest.endsWith("MOCK")) rest += (await readSlowly(socket, 1, 1)).toString("latin1");
  }
  socket.destroy();
}

test("intact: six bulk streams with slow readers, plain, mixed with mocks, and after an upgrade", {
  timeout: 60_000,
}, async () => {
  await using upstream = await openServer(serve);
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [{ matches: [{ path: { op: "exact", value: "/mock" } }], respond: replyWith("MOCK") }],
  });
  await Promise.all(patterns.map((_, stream) => client(rig, stream, stream % 2 === 1)));
});
