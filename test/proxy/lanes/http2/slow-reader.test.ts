// A client that grants every window and then does not read: what the upstream sends must not pile up here.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  frame,
  frameTypes,
  maxWindowBytes,
  preface,
  settingsFrame,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { openRig, openServer } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const pieces = 6_400;
const piece = frame(frameTypes.data, 0, 1, Buffer.alloc(16_384, "x"));
const rules = [
  { name: "m", matches: [{ path: { op: "exact", value: "/m" } as const }], respond: replyWith("hi") },
];
/** What two pairs of sockets of the kernel and their owners hold; far below the stream. */
const boundBytes = 32_000_000;

test("slow reader: a stream of 100 MB waits at the upstream, and arrives whole", async () => {
  let sent = 0;
  await using upstream = await openServer((socket) => {
    socket.write(serverHello);
    socket.write(responseFrame(1));
    const send = () => {
      while (sent < pieces) {
        sent++;
        if (!socket.write(piece)) return;
      }
      socket.off("drain", send);
      socket.write(frame(frameTypes.data, 1, 1));
    };
    socket.on("drain", send);
    socket.once("data", send);
  });
  await using rig = await openRig({ upstream: upstream.address, rules });
  const client = await rig.connect();
  client.write(
    Buffer.concat([
      preface,
      settingsFrame([[4, maxWindowBytes]]),
      windowUpdateFrame(0, maxWindowBytes - 65_535),
      requestFrame(1, "/"),
    ]),
  );
  const before = process.memoryUsage().rss;
  // Nothing moves any more once many turns of the event loop have brought nothing.
  for (let still = 0, last = -1; still < 2_000; still = sent === last ? still + 1 : 0) {
    last = sent;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent > 0 && sent * piece.length < boundBytes, `${sent * piece.length} bytes went in`);
  assert.ok(process.memoryUsage().rss - before < boundBytes);
  let received = 0;
  await new Promise<void>((resolve) => {
    client.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= pieces * piece.length) resolve();
    });
  });
  assert.equal(sent, pieces);
  client.destroy();
});
