// Bulk bytes through opened TLS, both ways at once, to readers that stop and go on both sides: the read buffers serve
// again while TLS holds what it was given, and every byte arrives in its place.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Stream,
  createSecureServer,
  connect as openHttp2,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { after, before, test } from "node:test";
import { connect, TLSSocket } from "node:tls";
import type { Authority, Leaf } from "../../src/core/certificates.ts";
import { seededRandom } from "../../src/core/random.ts";
import { testAuthority } from "../support/https.ts";
import { openRig, type Rig } from "../support/rig.ts";
import { replyWith } from "../support/rule-spec.ts";

const size = 6_000_000;

let ours: Authority;
let theirs: Authority;
let leaf: Leaf;

before(async () => {
  [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
  leaf = await theirs.issue("shop.test");
});

/** Bytes that differ from stream to stream and from place to place. */
function patternOf(stream: number): Buffer {
  const random = seededRandom(stream);
  const block = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4) block.writeUInt32LE(random.uint32(), i);
  return block;
}

/** Slices of every size, so that what waits in the sidecar is now a little, now a lot. */
async function writeInSlices(to: Duplex, bytes: Buffer, seed: number): Promise<void> {
  const random = seededRandom(seed);
  for (let at = 0; at < bytes.length && !to.destroyed; ) {
    const length = 1 + (random.uint32() % 50_000);
    const flows = to.write(bytes.subarray(at, at + length));
    at += length;
    if (!flows && random.uint32() % 4 > 0) await new Promise((resolve) => to.once("drain", resolve));
  }
}

/** What comes until `bytes` are there, with pauses of a few turns of the event loop. */
async function readSlowly(from: Duplex, bytes: number, seed: number): Promise<Buffer> {
  const random = seededRandom(seed);
  const parts: Buffer[] = [];
  for (let got = 0; got < bytes && !from.destroyed; ) {
    const part = from.read() as Buffer | null;
    if (part) parts.push(part);
    got += part?.length ?? 0;
    for (let turns = random.uint32() % 12; turns >= 0; turns--) await new Promise(setImmediate);
  }
  return Buffer.concat(parts);
}

/** Hands back what it reads, when it comes to it. */
async function echoSlowly(stream: Duplex, seed: number): Promise<void> {
  const random = seededRandom(seed);
  while (!stream.destroyed && !stream.readableEnded) {
    const part = stream.read() as Buffer | null;
    if (part && !stream.write(part)) await new Promise((resolve) => stream.once("drain", resolve));
    for (let turns = random.uint32() % 8; turns >= 0; turns--) await new Promise(setImmediate);
  }
  stream.end();
}

async function through(port: number): Promise<Rig> {
  return openRig({
    upstream: { host: "127.0.0.1", port },
    rules: [
      {
        matches: [{ host: { op: "exact", value: "shop.test" }, path: { op: "exact", value: "/mock" } }],
        respond: replyWith("MOCK"),
      },
    ],
    tls: { authority: ours, extraRoots: [theirs.trust] },
  });
}

async function secureClient(rig: Rig, protocol: string): Promise<TLSSocket> {
  const options = { servername: "shop.test", ca: ours.trust, ALPNProtocols: [protocol] };
  const socket = connect({ ...rig.address, ...options });
  await once(socket, "secureConnect");
  return socket;
}

function same(seen: Buffer, expected: Buffer, what: string): void {
  assert.equal(seen.length, expected.length, what);
  const at = seen.equals(expected) ? -1 : seen.findIndex((byte, i) => byte !== expected[i]);
  assert.equal(at, -1, `${what}: first difference at ${at}`);
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n";

/** `POST` gets its body back as it comes; an upgrade gets everything back. */
async function answer(socket: TLSSocket, seed: number): Promise<void> {
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const byte = socket.read(1) as Buffer | null;
    if (byte) head += byte.toString("latin1");
    else await once(socket, "readable");
  }
  socket.write(head.startsWith("POST") ? `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n` : switching);
  await echoSlowly(socket, seed);
}

async function openEcho(): Promise<Server> {
  let connections = 0;
  const server = createServer((socket) => {
    const options = { isServer: true, cert: leaf.chain, key: leaf.key, ALPNProtocols: ["http/1.1"] };
    const secured = new TLSSocket(socket, options);
    secured.on("error", () => undefined); // clients that are through
    secured.pause();
    void answer(secured, ++connections);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("intact: bodies and upgraded streams through opened TLS, both ways at once", {
  timeout: 60_000,
}, async () => {
  const server = await openEcho();
  after(() => server.close());
  await using rig = await through((server.address() as AddressInfo).port);
  const client = async (stream: number) => {
    const socket = await secureClient(rig, "http/1.1");
    socket.pause();
    const upgrades = stream % 2 === 1;
    const fields = upgrades ? "Connection: upgrade\r\nUpgrade: raw\r\n" : `Content-Length: ${size}\r\n`;
    socket.write(`${upgrades ? "GET" : "POST"} / HTTP/1.1\r\nHost: shop.test\r\n${fields}\r\n`);
    const first = (await readSlowly(socket, 1, 1)) as Buffer;
    const end = first.indexOf("\r\n\r\n") + 4;
    assert.ok(end > 3, "the head comes whole");
    const body = patternOf(stream);
    const sent = writeInSlices(socket, body, stream);
    const got = first.length - end;
    const rest = await readSlowly(socket, size - got, stream);
    await sent;
    same(Buffer.concat([first.subarray(end), rest]), body, `stream ${stream}`);
    socket.destroy();
  };
  await Promise.all([0, 1, 2, 3].map(client));
});

test("intact: four streams on one connection of HTTP/2 through opened TLS, both ways at once", {
  timeout: 60_000,
}, async () => {
  const server = createSecureServer({ cert: leaf.chain, key: leaf.key });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    void echoSlowly(stream, Number(headers["x-seed"]));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  await using rig = await through((server.address() as AddressInfo).port);
  const socket = await secureClient(rig, "h2");
  const session = openHttp2("https://shop.test", { createConnection: () => socket });
  const client = async (seed: number) => {
    const stream: ClientHttp2Stream = session.request({
      ":method": "POST",
      ":path": "/",
      "x-seed": `${seed}`,
    });
    stream.pause();
    const body = patternOf(seed);
    const sent = writeInSlices(stream, body, seed).then(() => stream.end());
    same(await readSlowly(stream, size, seed), body, `stream ${seed}`);
    await sent;
  };
  const mocked = async () => {
    const stream = session.request({ ":path": "/mock" });
    let text = "";
    for await (const chunk of stream) text += chunk;
    assert.equal(text, "MOCK");
  };
  await Promise.all([...[1, 2, 3, 4].map(client), mocked(), mocked()]);
  session.destroy();
});
