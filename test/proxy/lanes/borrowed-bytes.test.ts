// The account of bytes that wait in a socket: held until the last of them has left, and told once.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { BorrowedBytes } from "../../../src/proxy/lanes/borrowed-bytes.ts";
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
  const borrowed = new BorrowedBytes(socket, () => {
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
  const borrowed = new BorrowedBytes(socket, () => assert.fail("nothing was held"));
  assert.equal(borrowed.write(Buffer.from("few")), true);
  assert.equal(borrowed.held, false);
  socket.destroy();
});
