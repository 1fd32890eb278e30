// What an intermediary must not swallow or pass on, by section of RFC 9113: a client of raw frames against our listener.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  frame,
  frameTypes,
  headerFrames,
  preface,
  settingsFrame,
  uint32,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { openRig, openServer } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";
import { deliveries, hello, RawPeer, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const mock: Partial<RuleSpec> = {
  name: "m",
  matches: [{ path: { op: "exact", value: "/m" } }],
  respond: replyWith("hi"),
};

/** Claimed, and its body read by nobody: credit for it ends, however the bytes arrive. */
const silent: Partial<RuleSpec> = {
  name: "silent",
  matches: [{ path: { op: "exact", value: "/silent" } }],
  fault: { ...noFault, abort: { kind: "hang" } },
};

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

const data = (stream: number, bytes: number, flagBits = 0) =>
  frame(frameTypes.data, flagBits, stream, Buffer.alloc(bytes));
const { protocol, flowControl, frameSize, streamClosed, compression, enhanceYourCalm } = errorCodes;
const many = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes));
const open = requestFrame(1, "/upload", [], 0x4);

const connectionErrors: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
  ["§3.4: the first frame is not SETTINGS", Buffer.concat([preface, windowUpdateFrame(0, 1)]), protocol],
  ["§4.2: a frame larger than 16,384 bytes", Buffer.concat([hello, open, data(1, 16_385)]), frameSize],
  [
    "§4.3: a header block that does not decode",
    Buffer.concat([hello, frame(1, 5, 1, Buffer.from([0xff, 0xff]))]),
    compression,
  ],
  ["§5.1: DATA on an idle stream", Buffer.concat([hello, data(1, 1)]), protocol],
  ["§5.1: RST_STREAM on an idle stream", Buffer.concat([hello, frame(3, 0, 1, uint32(8))]), protocol],
  ["§5.1: WINDOW_UPDATE on an idle stream", Buffer.concat([hello, windowUpdateFrame(1, 1)]), protocol],
  [
    "§5.1: DATA behind END_STREAM",
    Buffer.concat([hello, requestFrame(1, "/wait"), data(1, 1)]),
    streamClosed,
  ],
  ["§5.1.1: an even stream from a client", Buffer.concat([hello, requestFrame(2, "/")]), protocol],
  [
    "§5.1.1: a stream below one that was opened",
    Buffer.concat([hello, requestFrame(5, "/"), requestFrame(3, "/")]),
    streamClosed,
  ],
  ["§6.1: DATA on the connection", Buffer.concat([hello, data(0, 1)]), protocol],
  [
    "§6.1: padding larger than the frame, on a claimed stream",
    Buffer.concat([hello, requestFrame(1, "/m", [], 0x4), frame(0, 8, 1, Buffer.from([9, 1]))]),
    protocol,
  ],
  ["§6.2: HEADERS on the connection", Buffer.concat([hello, requestFrame(0, "/")]), protocol],
  [
    "§6.2: padding larger than HEADERS",
    Buffer.concat([hello, frame(1, 0xd, 1, Buffer.from([9, 0x82]))]),
    protocol,
  ],
  ["§6.3: PRIORITY of a wrong length", Buffer.concat([hello, frame(2, 0, 1, Buffer.alloc(4))]), frameSize],
  [
    "§6.4: RST_STREAM of a wrong length",
    Buffer.concat([hello, open, frame(3, 0, 1, Buffer.alloc(3))]),
    frameSize,
  ],
  ["§6.5: SETTINGS on a stream", Buffer.concat([hello, frame(4, 0, 1)]), protocol],
  ["§6.5: SETTINGS of a wrong length", Buffer.concat([hello, frame(4, 0, 0, Buffer.alloc(5))]), frameSize],
  ["§6.5: SETTINGS ACK with a payload", Buffer.concat([hello, frame(4, 1, 0, Buffer.alloc(6))]), frameSize],
  ["§6.5.2: ENABLE_PUSH of 2", Buffer.concat([preface, settingsFrame([[2, 2]])]), protocol],
  [
    "§6.5.2: INITIAL_WINDOW_SIZE of 2^31",
    Buffer.concat([preface, settingsFrame([[4, 0x8000_0000]])]),
    flowControl,
  ],
  ["§6.5.2: MAX_FRAME_SIZE below 16,384", Buffer.concat([preface, settingsFrame([[5, 100]])]), protocol],
  ["§6.6: PUSH_PROMISE from a client", Buffer.concat([hello, frame(5, 4, 1, Buffer.alloc(4))]), protocol],
  ["§6.7: PING on a stream", Buffer.concat([hello, frame(6, 0, 1, Buffer.alloc(8))]), protocol],
  ["§6.7: PING of a wrong length", Buffer.concat([hello, frame(6, 0, 0, Buffer.alloc(7))]), frameSize],
  ["§6.8: GOAWAY on a stream", Buffer.concat([hello, frame(7, 0, 1, Buffer.alloc(8))]), protocol],
  ["§6.9: WINDOW_UPDATE of 0 on the connection", Buffer.concat([hello, windowUpdateFrame(0, 0)]), protocol],
  [
    "§6.9: WINDOW_UPDATE of a wrong length",
    Buffer.concat([hello, frame(8, 0, 0, Buffer.alloc(5))]),
    frameSize,
  ],
  [
    "§6.9.1: a connection window beyond 2^31-1",
    Buffer.concat([hello, windowUpdateFrame(0, 0x7fff_ffff)]),
    flowControl,
  ],
  [
    "§6.9.1: more DATA than the window of a claimed stream",
    Buffer.concat([
      hello,
      requestFrame(1, "/silent", [], 0x4),
      ...Array.from({ length: 40 }, () => data(1, 16_384)),
    ]),
    flowControl,
  ],
  ["§6.10: CONTINUATION without a block", Buffer.concat([hello, frame(9, 4, 1)]), protocol],
  [
    "§6.10: another frame inside a block",
    Buffer.concat([hello, requestFrame(1, "/", [], 0x1), frame(6, 0, 0, Buffer.alloc(8))]),
    protocol,
  ],
  [
    "§10.5.1: an endless block of empty CONTINUATION",
    Buffer.concat([hello, requestFrame(1, "/", [], 0x1), many(200, frame(9, 0, 1))]),
    enhanceYourCalm,
  ],
  [
    "§10.5.1: an endless block of full CONTINUATION",
    Buffer.concat([
      hello,
      requestFrame(1, "/", [], 0x1),
      many(6, frame(9, 0, 1, Buffer.alloc(16_384, 0x82))),
    ]),
    enhanceYourCalm,
  ],
  ["§10.5: a flood of SETTINGS", Buffer.concat([hello, many(200, settingsFrame([]))]), enhanceYourCalm],
  [
    "§10.5: a flood of PING",
    Buffer.concat([hello, many(15_000, frame(6, 0, 0, Buffer.alloc(8)))]),
    enhanceYourCalm,
  ],
  [
    "§10.5: a flood of PRIORITY",
    Buffer.concat([hello, many(15_000, frame(2, 0, 1, Buffer.alloc(5)))]),
    enhanceYourCalm,
  ],
  ["§10.5: a flood of empty DATA", Buffer.concat([hello, open, many(15_000, data(1, 0))]), enhanceYourCalm],
  [
    "§10.5: rapid reset",
    Buffer.concat([
      hello,
      ...Array.from({ length: 1_200 }, (_, i) =>
        Buffer.concat([requestFrame(i * 2 + 1, "/wait"), frame(3, 0, i * 2 + 1, uint32(8))]),
      ),
    ]),
    enhanceYourCalm,
  ],
];

for (const [what, bytes, code] of connectionErrors) {
  test(`hostile client: ${what} ends the connection`, () =>
    withClient(async (peer) => {
      peer.send(bytes);
      assert.equal(await peer.goAwayCode(), code);
    }));
}

const bad = (fields: readonly (readonly [string, string])[]) => headerFrames(1, 1, encodeLiterals(fields));
const base = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
] as const;
const malformed: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["§8.2.1: upper case in a name", bad([...base, ["X-A", "1"]])],
  ["§8.2.1: a line feed in a value", bad([...base, ["x-a", "1\n2"]])],
  ["§8.2.1: white space around a value", bad([...base, ["x-a", " 1"]])],
  ["§8.2.2: connection", bad([...base, ["connection", "close"]])],
  ["§8.2.2: transfer-encoding", bad([...base, ["transfer-encoding", "chunked"]])],
  ["§8.2.2: te other than trailers", bad([...base, ["te", "gzip"]])],
  ["§8.3: an unknown pseudo-header field", bad([...base, [":x", "1"]])],
  ["§8.3: :status in a request", bad([...base, [":status", "200"]])],
  [
    "§8.3: a pseudo-header field behind others",
    bad([
      [":method", "GET"],
      ["x-a", "1"],
      [":scheme", "http"],
      [":path", "/"],
    ]),
  ],
  [
    "§8.3.1: no :path",
    bad([
      [":method", "GET"],
      [":scheme", "http"],
    ]),
  ],
  [
    "§8.3.1: no :method",
    bad([
      [":scheme", "http"],
      [":path", "/"],
    ]),
  ],
  ["§8.3.1: :path twice", bad([...base, [":path", "/"]])],
  [
    "§8.5: CONNECT with a :path",
    bad([
      [":method", "CONNECT"],
      [":authority", "a:1"],
      [":path", "/"],
    ]),
  ],
  ["§8.1.1: content-length without a body", bad([...base, ["content-length", "3"]])],
  ["§8.1.1: two different content-length", bad([...base, ["content-length", "0"], ["content-length", "1"]])],
  ["§8.1: trailers that do not end the stream", Buffer.concat([open, requestFrame(1, "/", [], 0x4)])],
  ["§8.1: a pseudo-header field in trailers", Buffer.concat([open, requestFrame(1, "/", [], 0x5)])],
  ["§6.9: WINDOW_UPDATE of 0", Buffer.concat([open, windowUpdateFrame(1, 0)])],
  [
    "§6.9.1: a window of a claimed stream beyond 2^31-1",
    Buffer.concat([requestFrame(1, "/m", [], 0x4), windowUpdateFrame(1, 0x7fff_ffff)]),
  ],
  [
    "§8.1.1: a claimed body longer than content-length",
    Buffer.concat([requestFrame(1, "/m", [["content-length", "3"]], 0x4), data(1, 4)]),
  ],
];

for (const [what, bytes] of malformed) {
  const all = Buffer.concat([hello, bytes, requestFrame(3, "/m"), requestFrame(5, "/relayed")]);
  for (const [how, say] of deliveries(all))
    test(`hostile client: ${what}${how} ends the stream, and others go on`, () =>
      withClient(async (peer) => {
        await say(peer);
        assert.equal(await peer.resetCode(1), what.includes("beyond") ? flowControl : protocol);
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
