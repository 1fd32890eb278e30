// What a client must not do, by section of RFC 9113 and RFC 7541, as octets, with what becomes of it.

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
import { noFault, replyWith } from "../../../support/rule-spec.ts";
import { hello, requestFrame } from "./raw-peer.ts";

export const mock: Partial<RuleSpec> = {
  name: "m",
  matches: [{ path: { op: "exact", value: "/m" } }],
  respond: replyWith("hi"),
};

/** Claimed, and its body read by nobody: credit for it ends, however the bytes arrive. */
export const silent: Partial<RuleSpec> = {
  name: "silent",
  matches: [{ path: { op: "exact", value: "/silent" } }],
  fault: { ...noFault, abort: { kind: "hang" } },
};

const data = (stream: number, bytes: number, flagBits = 0) =>
  frame(frameTypes.data, flagBits, stream, Buffer.alloc(bytes));
const { protocol, flowControl, frameSize, streamClosed, compression, enhanceYourCalm } = errorCodes;
const many = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes));
const open = requestFrame(1, "/upload", [], 0x4);

/** A request whose block is these octets. */
const block = (...octets: readonly number[]) => Buffer.concat([hello, frame(1, 5, 1, Buffer.from(octets))]);

/** The connection ends with this code. */
export const connectionErrors: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
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
  [
    "§4.1: a flood of unknown frames",
    Buffer.concat([hello, many(15_000, frame(0x7f, 0, 0))]),
    enhanceYourCalm,
  ],
  [
    "§5.1: HEADERS behind END_STREAM",
    Buffer.concat([hello, requestFrame(1, "/wait"), requestFrame(1, "/again")]),
    streamClosed,
  ],
  [
    "§5.5: an unknown frame inside a block",
    Buffer.concat([hello, requestFrame(1, "/", [], 0x1), frame(0x7f, 0, 1)]),
    protocol,
  ],
  ["§6.1: DATA without its pad length", Buffer.concat([hello, open, frame(0, 8, 1)]), frameSize],
  [
    "§6.2: HEADERS without their priority",
    Buffer.concat([hello, frame(1, 0x25, 1, Buffer.alloc(4))]),
    frameSize,
  ],
  ["§6.3: PRIORITY on the connection", Buffer.concat([hello, frame(2, 0, 0, Buffer.alloc(5))]), protocol],
  ["§6.4: RST_STREAM on the connection", Buffer.concat([hello, frame(3, 0, 0, uint32(8))]), protocol],
  ["§6.5.2: MAX_FRAME_SIZE of 2^24", Buffer.concat([preface, settingsFrame([[5, 0x100_0000]])]), protocol],
  ["§6.8: GOAWAY of a wrong length", Buffer.concat([hello, frame(7, 0, 0, Buffer.alloc(7))]), frameSize],
  [
    "§6.9.2: SETTINGS that open a stream window beyond 2^31-1",
    Buffer.concat([
      hello,
      requestFrame(1, "/silent", [], 0x4),
      windowUpdateFrame(1, 0x7fff_0000),
      settingsFrame([[4, 0x7fff_ffff]]),
    ]),
    flowControl,
  ],
  [
    "§6.10: CONTINUATION of another stream",
    Buffer.concat([hello, requestFrame(1, "/", [], 0x1), frame(9, 4, 3)]),
    protocol,
  ],
  ["RFC 7541 §2.3.3: an index that no table has", block(0xfe), compression],
  ["RFC 7541 §4.2: a table larger than allowed", block(0x3f, 0xe1, 0xff, 0x7f), compression],
  ["RFC 7541 §4.2: a table size behind a field", block(0x82, 0x20), compression],
  ["RFC 7541 §5.1: an integer without end", block(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), compression],
  ["RFC 7541 §5.2: a string longer than its block", block(0x00, 0x05, 0x61), compression],
  ["RFC 7541 §5.2: a string that ends in a wrong padding", block(0x08, 0x81, 0x00), compression],
  ["RFC 7541 §5.2: a string that holds EOS", block(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00), compression],
  ["RFC 7541 §6.1: the index 0", block(0x80), compression],
];

const bad = (fields: readonly (readonly [string, string])[]) => headerFrames(1, 1, encodeLiterals(fields));
export const base = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
] as const;

const malformedCases: readonly (readonly [what: string, bytes: Buffer, code?: number])[] = [
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
    flowControl,
  ],
  [
    "§8.1.1: a claimed body longer than content-length",
    Buffer.concat([requestFrame(1, "/m", [["content-length", "3"]], 0x4), data(1, 4)]),
  ],
  ["§8.2.1: a space in a name", bad([...base, ["x a", "1"]])],
  ["§8.2.1: a colon in a name", bad([...base, ["x:a", "1"]])],
  ["§8.2.1: an octet above 0x7f in a name", bad([...base, ["x\xe4", "1"]])],
  ["§8.2.1: an empty name", bad([...base, ["", "1"]])],
  ["§8.2.1: a carriage return in a value", bad([...base, ["x-a", "1\r2"]])],
  ["§8.2.1: NUL in a value", bad([...base, ["x-a", "1\0"]])],
  ["§8.2.1: a tab at the end of a value", bad([...base, ["x-a", "1\t"]])],
  ["§8.2.1: a line feed in a pseudo-header field", bad([...base.slice(0, 2), [":path", "/a\nb"]])],
  ["§8.2.2: keep-alive", bad([...base, ["keep-alive", "1"]])],
  ["§8.2.2: proxy-connection", bad([...base, ["proxy-connection", "close"]])],
  ["§8.2.2: upgrade", bad([...base, ["upgrade", "websocket"]])],
  ["§8.3.1: no :scheme", bad([base[0], base[2]])],
  ["§8.3.1: an empty :path", bad([base[0], base[1], [":path", ""]])],
  ["§8.5: CONNECT without :authority", bad([[":method", "CONNECT"]])],
  ["RFC 8441 §4: :protocol without CONNECT", bad([...base, [":protocol", "websocket"]])],
  ["§8.1.1: a content-length that is no number", bad([...base, ["content-length", "1e1"]])],
  [
    "§8.1.1: a relayed body longer than content-length",
    Buffer.concat([requestFrame(1, "/r", [["content-length", "3"]], 0x4), data(1, 4)]),
  ],
  [
    "§8.1.1: a relayed body shorter than content-length",
    Buffer.concat([requestFrame(1, "/r", [["content-length", "3"]], 0x4), data(1, 2, 1)]),
  ],
  [
    "§8.1.1: trailers before content-length is reached",
    Buffer.concat([
      requestFrame(1, "/r", [["content-length", "3"]], 0x4),
      headerFrames(1, 1, encodeLiterals([["x-end", "1"]])),
    ]),
  ],
  [
    "§8.2.2: connection in trailers",
    Buffer.concat([open, headerFrames(1, 1, encodeLiterals([["connection", "close"]]))]),
  ],
];

/** The stream ends with this code, and others go on. */
export const malformed = malformedCases.map(([what, bytes, code = protocol]) => [what, bytes, code] as const);

/** What looks odd and is none of our business, or must be taken (RFC 9113 §4.1, §5.1, §5.5, §6.5.2): all goes on. */
export const taken: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["§4.1: the reserved bit of a stream id", reserved(requestFrame(1, "/m"))],
  ["§4.1: flags that its type does not know", frame(6, 0xfe, 0, Buffer.alloc(8))],
  ["§5.1: PRIORITY on an idle stream", frame(2, 0, 99, Buffer.alloc(5))],
  [
    "§5.1: PRIORITY on a closed stream",
    Buffer.concat([requestFrame(1, "/m"), frame(2, 0, 1, Buffer.alloc(5))]),
  ],
  ["§5.1: WINDOW_UPDATE behind END_STREAM", Buffer.concat([requestFrame(1, "/r"), windowUpdateFrame(1, 5)])],
  ["§5.1: WINDOW_UPDATE on a closed stream", Buffer.concat([requestFrame(1, "/m"), windowUpdateFrame(1, 5)])],
  ["§5.1: RST_STREAM on a closed stream", Buffer.concat([requestFrame(1, "/m"), frame(3, 0, 1, uint32(8))])],
  [
    "§5.1: DATA and trailers on a stream that we have reset",
    Buffer.concat([
      bad([...base, ["X-A", "1"]]).fill(0x4, 4, 5),
      data(1, 10),
      headerFrames(1, 1, encodeLiterals([["x-end", "1"]])),
    ]),
  ],
  ["§5.5: a frame of an unknown type", frame(0x7f, 0xff, 1, Buffer.alloc(7))],
  ["§6.1: padding that is all of its frame", Buffer.concat([open, frame(0, 8, 1, Buffer.from([2, 0, 0]))])],
  ["§6.2: HEADERS with padding and priority", padded(requestFrame(1, "/m"))],
  [
    "§6.5: the same parameter twice",
    settingsFrame([
      [4, 10],
      [4, 65_535],
    ]),
  ],
  ["§6.5.2: a parameter that nobody knows", settingsFrame([[0xfafa, 7]])],
  [
    "§6.5.2: a header table of 0, and the default again",
    settingsFrame([
      [1, 0],
      [1, 4_096],
    ]),
  ],
  ["§8.2.1: octets above 0x7f in a value", bad([...base, ["x-a", "\xe4\xff"]])],
  ["§8.2.2: te of trailers", bad([...base, ["te", "trailers"]])],
  ["RFC 7541 §4.2: a table size update before a block", sized(requestFrame(1, "/m"))],
];

function reserved(bytes: Buffer): Buffer {
  bytes[5] = (bytes[5] ?? 0) | 0x80;
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  const parts = [Buffer.from([3]), Buffer.alloc(5), bytes.subarray(9), Buffer.alloc(3)];
  return frame(frameTypes.headers, 0x2d, 1, Buffer.concat(parts));
}

function sized(bytes: Buffer): Buffer {
  return frame(frameTypes.headers, 0x5, 1, Buffer.concat([Buffer.from([0x20]), bytes.subarray(9)]));
}
