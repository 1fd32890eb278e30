// A claimed HTTP/2 upload whose frames arrived in pieces lost the connection's credit for what was read before a frame
// was whole: after 64 KB the client could send nothing more, on any stream.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import { test } from "node:test";
import { frame, frameTypes, readUint32 } from "../../src/proxy/lanes/http2/frames.ts";
import { hello, RawPeer, requestFrame } from "../proxy/lanes/http2/raw-peer.ts";
import { openRig } from "../support/rig.ts";

const frameBytes = 16_384;
const frames = 8;

test("http2: octets that are read before their frame is whole are credited to the connection", async () => {
  let wake = () => {};
  let read = 0;
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => {
      read += chunk.length;
      wake();
    });
    request.on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address && typeof address === "object" ? address.port : 0;
  await using rig = await openRig({
    upstream: { host: "127.0.0.1", port },
    rules: [{ name: "claimed", patch: { request: null, response: null } }],
  });
  const socket = await rig.connect();
  const peer = new RawPeer(socket);
  peer.send(hello, requestFrame(1, "/", [], 0x4));
  const whole = frame(frameTypes.data, 0, 1, Buffer.alloc(frameBytes));
  for (let sent = 0; sent < frames * frameBytes; sent += frameBytes) {
    const half = 9 + frameBytes / 2;
    peer.send(whole.subarray(0, half));
    while (read < sent + frameBytes / 2) await new Promise<void>((resolve) => (wake = resolve));
    peer.send(whole.subarray(half));
    while (read < sent + frameBytes) await new Promise<void>((resolve) => (wake = resolve));
  }
  const credited = peer.frames
    .filter(({ type, stream }) => type === frameTypes.windowUpdate && stream === 0)
    .reduce((sum, { payload }) => sum + readUint32(payload, 0), 0);
  assert.ok(credited >= frames * frameBytes - frameBytes, `${credited} octets credited`);
  socket.destroy();
  server.close();
});
