// What an intermediary must not swallow or pass on, by section of RFC 9113: a client of raw frames against our listener.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  errorCodes,
  frame,
  frameTypes,
  headerFrames,
  preface,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { openRig, openServer } from "../../../support/rig.ts";
import { base, connectionErrors, malformed, mock, silent } from "./hostile-client-cases.ts";
import { hello, RawPeer, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

/** An upstream that answers every HEADERS with END_STREAM by 200. */
function plainServer() {
  return openServer((socket) => {
    const peer = new RawPeer(socket, preface.length);
    let seen = 0;
    socket.write(serverHello);
    socket.on("data", () => {
      for (const { type, flags, stream } of peer.frames.slice(seen))
        if (type === frameTypes.headers && (flags & 1) === 1) socket.write(responseFrame(stream, 200, 5));
      seen = peer.frames.length;
    });
    socket.on("end", () => socket.end());
  });
}

async function withClient(work: (peer: RawPeer) => Promise<void>): Promise<void> {
  await using upstream = await plainServer();
  await using rig = await openRig({ upstream: upstream.address, rules: [mock, silent] });
  const socket = await rig.connect();
  try {
    await work(new RawPeer(socket));
  } finally {
    socket.destroy();
  }
}

for (const [what, bytes, code] of connectionErrors) {
  test(`hostile client: ${what} ends the connection`, () =>
    withClient(async (peer) => {
      peer.send(bytes);
      assert.equal(await peer.goAwayCode(), code);
    }));
}

for (const [what, bytes, code] of malformed) {
  test(`hostile client: ${what} ends the stream, and others go on`, () =>
    withClient(async (peer) => {
      peer.send(hello, bytes, requestFrame(3, "/m"), requestFrame(5, "/relayed"));
      assert.equal(await peer.resetCode(1), code);
      await peer.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
      await peer.until(({ type, stream }) => type === frameTypes.headers && stream === 5);
      assert.equal(peer.ended, "open");
    }));
}

test("hostile client: a header list beyond the limit is answered 431, however small its block was", () =>
  withClient(async (peer) => {
    // RFC 7541 §7.1: one large entry, then references to it, a byte each.
    const bomb = Buffer.concat([
      encodeLiterals(base),
      Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x1d]),
      Buffer.alloc(3_840, 0x62),
      Buffer.alloc(200, 0xbe),
    ]);
    peer.send(hello, headerFrames(1, 1, bomb), requestFrame(3, "/m"));
    const reply = await peer.until(({ type, stream }) => type === frameTypes.headers && stream === 1);
    assert.equal(peer.fields(reply?.payload ?? Buffer.alloc(0))[0]?.[1], "431");
    await peer.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
  }));

test("hostile client: too many streams are refused one by one", () =>
  withClient(async (peer) => {
    const hangs = Array.from({ length: 4_097 }, (_, i) => requestFrame(i * 2 + 1, "/wait", [], 0x4));
    peer.send(hello, ...hangs);
    assert.equal(await peer.resetCode(4_096 * 2 + 1), errorCodes.refusedStream);
  }));

test("hostile client: a request in any two pieces is understood", async () => {
  await using upstream = await plainServer();
  await using rig = await openRig({ upstream: upstream.address, rules: [mock] });
  const block = encodeLiterals([...base.slice(0, 2), [":path", "/m"], ["x-long", "y".repeat(40)]]);
  const whole = Buffer.concat([
    hello,
    frame(1, 0x29, 1, Buffer.concat([Buffer.alloc(1), Buffer.alloc(5), block.subarray(0, 20)])),
    frame(9, 4, 1, block.subarray(20)),
    requestFrame(3, "/relayed", [], 0x4),
    frame(0, 9, 3, Buffer.from([2, 0x61, 0x62, 0, 0])),
  ]);
  for (let at = 1; at < whole.length; at++) {
    const socket = await rig.connect();
    const peer = new RawPeer(socket);
    socket.write(whole.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(whole.subarray(at));
    const mocked = await peer.until(({ type, stream }) => type === frameTypes.data && stream === 1);
    assert.equal(mocked?.payload.toString(), "hi", `split at ${at}`);
    socket.destroy();
  }
});
