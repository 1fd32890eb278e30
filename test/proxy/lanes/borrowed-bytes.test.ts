// The account of bytes that wait in a socket: held until the last of them has left, and told once.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { Link } from "../../../src/core/link.ts";
import { BorrowedBytes } from "../../../src/proxy/lanes/borrowed-bytes.ts";
import { linkOver } from "../../../src/proxy/relay/adopted-link.ts";
import { testAuthority } from "../../support/https.ts";
import { connectTo, openServer } from "../../support/rig.ts";

test("borrowed bytes: held while they wait, released when the last one has left", async () => {
  let hand: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => {
    hand = resolve;
  });
  await using server = await openServer((socket) => {
    socket.pause();
    hand(socket);
  });
  const socket = await connectTo(server.address);
  let releases = 0;
  let told: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    told = resolve;
  });
  const borrowed = new BorrowedBytes({ socket }, () => {
    releases++;
    told();
  });
  assert.equal(borrowed.write(Buffer.alloc(30_000_000)), false);
  assert.equal(borrowed.held, true);
  borrowed.write(Buffer.from("the last ones"));
  assert.equal(releases, 0);
  (await accepted).resume();
  await released;
  assert.equal(borrowed.held, false);
  assert.equal(socket.writableLength, 0);
  assert.equal(releases, 1);
  socket.destroy();
});

test("borrowed bytes: what the kernel takes at once is never held", async () => {
  await using server = await openServer((socket) => socket.resume());
  const socket = await connectTo(server.address);
  const borrowed = new BorrowedBytes({ socket }, () => assert.fail("nothing was held"));
  assert.equal(borrowed.write(Buffer.from("few")), true);
  assert.equal(borrowed.held, false);
  socket.destroy();
});

/** Both ends of a TLS connection; what comes out of the far one is gathered once it may flow. */
async function securePair(): Promise<{ near: TLSSocket; far: TLSSocket } & AsyncDisposable> {
  const authority = await testAuthority();
  const { chain, key } = await authority.issue("near.test");
  let hand: (socket: TLSSocket) => void = () => undefined;
  const accepted = new Promise<TLSSocket>((resolve) => {
    hand = resolve;
  });
  const server = await openServer((socket) =>
    hand(new TLSSocket(socket, { isServer: true, cert: chain, key })),
  );
  const near = connectTls({ ...server.address, servername: "near.test", ca: authority.trust });
  await new Promise((resolve) => near.once("secureConnect", resolve));
  const far = await accepted;
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy();
      far.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Both things that write borrowed bytes into TLS. */
const writers: readonly [string, (near: TLSSocket) => Promise<Pick<Link, "write" | "holdsBytes">>][] = [
  [
    "borrowed bytes",
    async (near) => {
      const borrowed = new BorrowedBytes({ socket: near }, () => undefined);
      return { write: (bytes) => borrowed.write(bytes as Buffer), holdsBytes: false };
    },
  ],
  [
    "a link over TLS",
    async (near) => {
      const ignored = { data: () => true, drain() {}, end() {}, close() {} };
      return linkOver({ host: "127.0.0.1", port: 1 }, ignored, { socket: near, inlet: null });
    },
  ],
];

for (const [name, open] of writers) {
  test(`${name}: TLS holds nothing of what it is given, empty pieces, waiting pieces and all`, async () => {
    await using pair = await securePair();
    const writer = await open(pair.near);
    const place = Buffer.alloc(40_000); // as a read buffer: used again after each write
    const expected: Buffer[] = [];
    for (let round = 0; round < 400; round++) {
      const piece = place.subarray(0, [0, 7, 40_000, 0, 1_000][round % 5]).fill(round % 251);
      expected.push(Buffer.from(piece));
      writer.write(piece);
      assert.equal(writer.holdsBytes, false);
      place.fill(255);
      if (round % 7 === 0) await new Promise(setImmediate);
    }
    const sent = Buffer.concat(expected);
    const seen: Buffer[] = [];
    let got = 0;
    for await (const chunk of pair.far) {
      seen.push(chunk);
      got += chunk.length;
      if (got >= sent.length) break;
    }
    assert.ok(Buffer.concat(seen).equals(sent));
  });
}
