// What a server must not do, by section of RFC 9113 and RFC 7541, as octets, with what becomes of it.

import type { RuleSpec } from "../../../src/core/rule.ts";
import {
  errorCodes,
  frame,
  frameTypes,
  resetFrame,
  settingsFrame,
  uint32,
  windowUpdateFrame,
} from "../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { responseFrame, serverHello } from "../../proxy/lanes/http2/raw-peer.ts";
import { noFault } from "../../support/rule-spec.ts";

type Pairs = readonly (readonly [string, string])[];

const onPath = (value: string) => [{ path: { op: "exact", value } as const }];
export const held: Partial<RuleSpec> = {
  name: "held",
  matches: onPath("/rich"),
  fault: { ...noFault, delay: { type: "fixed", ms: 0 } },
};
export const roads = [
  ["pinned", "/pinned"],
  ["rich", "/rich"],
] as const;

export const data = (bytes: number, flagBits = 0, stream = 1) =>
  frame(frameTypes.data, flagBits, stream, Buffer.alloc(bytes, "d"));
const head = (fields: Pairs, flagBits = 0x4) =>
  frame(frameTypes.headers, flagBits, 1, encodeLiterals(fields));
const ok = (extra: Pairs, flagBits = 0x4) => head([[":status", "200"], ...extra], flagBits);
const { protocol, frameSize, flowControl, compression } = errorCodes;

/** A response whose block is these octets. */
const block = (...octets: readonly number[]) =>
  Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from(octets))]);
const promise = (stream: number, promised: number) =>
  frame(
    frameTypes.pushPromise,
    0x4,
    stream,
    Buffer.concat([uint32(promised), encodeLiterals([[":method", "GET"]])]),
  );

/** The upstream is not to be spoken with any more; `code` is what it is told. */
export const connectionErrors: readonly (readonly [what: string, code: number, bytes: Buffer])[] = [
  ["§3.4 its first frame is not SETTINGS", protocol, responseFrame(1)],
  [
    "§4.2 a frame larger than allowed",
    frameSize,
    Buffer.concat([serverHello, responseFrame(1), data(16_385)]),
  ],
  [
    "§4.3 a block that does not decode",
    compression,
    Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from([0xff, 0xff]))]),
  ],
  ["§5.1 HEADERS on an idle stream", protocol, Buffer.concat([serverHello, responseFrame(99)])],
  ["§5.1 DATA on an idle stream", protocol, Buffer.concat([serverHello, data(1, 0, 99)])],
  [
    "§5.1.1 HEADERS on a stream that it did not promise",
    protocol,
    Buffer.concat([serverHello, responseFrame(2)]),
  ],
  ["§6.1 DATA on the connection", protocol, Buffer.concat([serverHello, data(1, 0, 0)])],
  [
    "§6.1 padding larger than its DATA",
    protocol,
    Buffer.concat([serverHello, responseFrame(1), frame(0, 8, 1, Buffer.from([9, 1]))]),
  ],
  [
    "§6.2 HEADERS on the connection",
    protocol,
    Buffer.concat([serverHello, frame(1, 4, 0, encodeLiterals([[":status", "200"]]))]),
  ],
  [
    "§6.2 padding larger than its HEADERS",
    protocol,
    Buffer.concat([serverHello, frame(1, 0xc, 1, Buffer.from([9]))]),
  ],
  [
    "§6.4 RST_STREAM of a wrong length",
    frameSize,
    Buffer.concat([serverHello, frame(3, 0, 1, Buffer.alloc(5))]),
  ],
  ["§6.4 RST_STREAM on an idle stream", protocol, Buffer.concat([serverHello, resetFrame(99, 0)])],
  ["§6.5 SETTINGS on a stream", protocol, Buffer.concat([serverHello, frame(4, 0, 1)])],
  ["§6.5 SETTINGS of a wrong length", frameSize, frame(4, 0, 0, Buffer.alloc(5))],
  [
    "§6.5 a SETTINGS ACK with a payload",
    frameSize,
    Buffer.concat([serverHello, frame(4, 1, 0, Buffer.alloc(6))]),
  ],
  ["§6.5.2 SETTINGS_ENABLE_PUSH of 1 from a server", protocol, settingsFrame([[2, 1]])],
  ["§6.5.2 SETTINGS_INITIAL_WINDOW_SIZE beyond 2^31-1", flowControl, settingsFrame([[4, 0x8000_0000]])],
  ["§6.5.2 SETTINGS_MAX_FRAME_SIZE below 16,384", protocol, settingsFrame([[5, 16_383]])],
  ["§6.7 PING on a stream", protocol, Buffer.concat([serverHello, frame(6, 0, 1, Buffer.alloc(8))])],
  ["§6.7 PING of a wrong length", frameSize, Buffer.concat([serverHello, frame(6, 0, 0, Buffer.alloc(7))])],
  ["§6.8 GOAWAY on a stream", protocol, Buffer.concat([serverHello, frame(7, 0, 1, Buffer.alloc(8))])],
  ["§6.8 GOAWAY of a wrong length", frameSize, Buffer.concat([serverHello, frame(7, 0, 0, Buffer.alloc(7))])],
  [
    "§6.9 WINDOW_UPDATE of a wrong length",
    frameSize,
    Buffer.concat([serverHello, frame(8, 0, 0, Buffer.alloc(5))]),
  ],
  [
    "§6.9 WINDOW_UPDATE of 0 on the connection",
    protocol,
    Buffer.concat([serverHello, windowUpdateFrame(0, 0)]),
  ],
  [
    "§6.9.1 a connection window beyond 2^31-1",
    flowControl,
    Buffer.concat([serverHello, windowUpdateFrame(0, 0x7fff_ffff)]),
  ],
  [
    "§6.9.1 more DATA than the connection's window",
    flowControl,
    Buffer.concat([serverHello, responseFrame(1), ...Array.from({ length: 5 }, () => data(16_384))]),
  ],
  ["§6.10 CONTINUATION without a block", protocol, Buffer.concat([serverHello, frame(9, 4, 1)])],
  [
    "§6.10 another frame inside a block",
    protocol,
    Buffer.concat([serverHello, frame(1, 0, 1, encodeLiterals([[":status", "200"]])), data(1)]),
  ],
  [
    "RFC 7541 §2.3.3 an index that no table has",
    compression,
    Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from([0xfe]))]),
  ],
  [
    "RFC 7541 §4.2 a table larger than allowed",
    compression,
    Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from([0x3f, 0xe1, 0xff, 0x7f]))]),
  ],
  [
    "RFC 7541 §5.2 a string that ends in a wrong padding",
    compression,
    Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from([0x08, 0x81, 0x00]))]),
  ],
  [
    "RFC 7541 §6.1 the index 0",
    compression,
    Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from([0x80]))]),
  ],
  ["§5.1 WINDOW_UPDATE on an idle stream", protocol, Buffer.concat([serverHello, windowUpdateFrame(99, 1)])],
  [
    "§5.5 an unknown frame inside a block",
    protocol,
    Buffer.concat([serverHello, frame(1, 0, 1, encodeLiterals([[":status", "200"]])), frame(0x7f, 0, 1)]),
  ],
  [
    "§6.2 HEADERS without their priority",
    frameSize,
    Buffer.concat([serverHello, frame(1, 0x24, 1, Buffer.alloc(4))]),
  ],
  [
    "§6.3 PRIORITY on the connection",
    protocol,
    Buffer.concat([serverHello, frame(2, 0, 0, Buffer.alloc(5))]),
  ],
  ["§6.4 RST_STREAM on the connection", protocol, Buffer.concat([serverHello, resetFrame(0, 0)])],
  ["§6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^24", protocol, settingsFrame([[5, 0x100_0000]])],
  ["§6.6 PUSH_PROMISE that was declined", protocol, Buffer.concat([serverHello, promise(1, 2)])],
  [
    "§6.10 CONTINUATION of another stream",
    protocol,
    Buffer.concat([serverHello, frame(1, 0, 1, encodeLiterals([[":status", "200"]])), frame(9, 4, 3)]),
  ],
  ["RFC 7541 §4.2 a table size behind a field", compression, block(0x88, 0x20)],
  ["RFC 7541 §5.1 an integer without end", compression, block(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ["RFC 7541 §5.2 a string longer than its block", compression, block(0x00, 0x05, 0x61)],
  ["RFC 7541 §5.2 a string that holds EOS", compression, block(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00)],
];

/** RFC 9113 §8.1.1: the stream ends, and the connection goes on. */
export const malformed: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["§8.1 DATA before a head", data(1, 1)],
  ["§8.1 an interim response that ends the stream", head([[":status", "103"]], 0x5)],
  ["§8.1.1 END_STREAM before content-length is reached", ok([["content-length", "5"]], 0x5)],
  [
    "§8.1.1 two different content-length",
    ok([
      ["content-length", "5"],
      ["content-length", "6"],
    ]),
  ],
  ["§8.1.1 a content-length that is no number", ok([["content-length", "+5"]])],
  ["§8.2.1 upper case in a name", ok([["X-Upper", "1"]])],
  ["§8.2.1 a line feed in a value", ok([["x", "a\nb"]])],
  ["§8.2.1 NUL in a value", ok([["x", "a\0b"]])],
  ["§8.2.1 a space at the end of a value", ok([["x", "a "]])],
  ["§8.2.2 transfer-encoding", ok([["transfer-encoding", "chunked"]])],
  ["§8.2.2 connection", ok([["connection", "close"]])],
  [
    "§8.3 a pseudo-header field behind a regular one",
    head([
      ["x", "1"],
      [":status", "200"],
    ]),
  ],
  ["§8.3 a pseudo-header field of requests", ok([[":path", "/"]])],
  ["§8.3 the same pseudo-header field twice", ok([[":status", "200"]])],
  ["§8.3.2 no :status", head([["x", "1"]])],
  ["§8.3.2 a :status that is none", head([[":status", "2e2"]])],
  ["§8.6 101", head([[":status", "101"]])],
  ["§8.2.1 a space in a name", ok([["x a", "1"]])],
  ["§8.2.1 an empty name", ok([["", "1"]])],
  ["§8.2.1 a carriage return in a value", ok([["x", "a\rb"]])],
  ["§8.2.2 upgrade", ok([["upgrade", "h2c"]])],
  ["§8.2.2 keep-alive", ok([["keep-alive", "1"]])],
  ["§8.2.2 proxy-connection", ok([["proxy-connection", "close"]])],
];

/** The same behind a head that the client has seen. */
export const malformedLater: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["§8.1 a header block behind the head that does not end the stream", Buffer.concat([ok([]), ok([])])],
  ["§8.1 a pseudo-header field in trailers", Buffer.concat([ok([]), head([[":status", "200"]], 0x5)])],
  ["§8.1.1 more DATA than content-length", Buffer.concat([ok([["content-length", "5"]]), data(6)])],
  ["§8.1.1 less DATA than content-length", Buffer.concat([ok([["content-length", "5"]]), data(4, 1)])],
  [
    "§8.1.1 less DATA than content-length, with trailers",
    Buffer.concat([ok([["content-length", "5"]]), data(4), head([["x", "1"]], 0x5)]),
  ],
  [
    "§8.1.1 less DATA than content-length, padding aside",
    Buffer.concat([ok([["content-length", "5"]]), frame(0, 9, 1, Buffer.from([1, 1, 1, 1, 0]))]),
  ],
];

/** What looks odd and must be taken: the response that follows arrives. */
export const taken: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["§4.1 flags that its type does not know", frame(6, 0xfe, 0, Buffer.alloc(8))],
  ["§5.1 PRIORITY on an idle stream", frame(2, 0, 99, Buffer.alloc(5))],
  ["§5.5 a frame of an unknown type", frame(0x7f, 0xff, 1, Buffer.alloc(7))],
  [
    "§6.5 the same parameter twice",
    settingsFrame([
      [4, 10],
      [4, 65_535],
    ]),
  ],
  ["§6.5.2 a parameter that nobody knows", settingsFrame([[0xfafa, 7]])],
  [
    "§8.1 interim responses",
    Buffer.concat([
      head([[":status", "100"]]),
      head([
        [":status", "103"],
        ["link", "a"],
      ]),
    ]),
  ],
];
