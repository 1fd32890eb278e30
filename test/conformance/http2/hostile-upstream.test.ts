// RFC 9113 and RFC 7541 on the side of the upstream, section by section: what a broken server sends must not reach the client,
// neither over the pinned link (nobody claims the call) nor over the rich link (a rule does).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../src/core/rule.ts";
import {
  errorCodes,
  flags,
  frame,
  frameTypes,
  goAwayFrame,
  headerFrames,
  resetFrame,
  settingsFrame,
  uint32,
  windowUpdateFrame,
} from "../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import {
  deliveries,
  hello,
  type RawPeer,
  requestFrame,
  responseFrame,
  serverHello,
} from "../../proxy/lanes/http2/raw-peer.ts";
import { noFault } from "../../support/rule-spec.ts";
import { between, type Pair } from "./pair.ts";

type Pairs = readonly (readonly [string, string])[];

const onPath = (value: string) => [{ path: { op: "exact", value } as const }];
const held: Partial<RuleSpec> = {
  name: "held",
  matches: onPath("/rich"),
  fault: { ...noFault, delay: { type: "fixed", ms: 0 } },
};
const roads = [
  ["pinned", "/pinned"],
  ["rich", "/rich"],
] as const;

const data = (bytes: number, flagBits = 0, stream = 1) =>
  frame(frameTypes.data, flagBits, stream, Buffer.alloc(bytes, "d"));
const head = (fields: Pairs, flagBits = 0x4) =>
  frame(frameTypes.headers, flagBits, 1, encodeLiterals(fields));
const ok = (extra: Pairs, flagBits = 0x4) => head([[":status", "200"], ...extra], flagBits);
const { protocol, frameSize, flowControl, compression } = errorCodes;

/** The upstream is not to be spoken with any more; `code` is what it is told. */
const connectionErrors: readonly (readonly [what: string, code: number, bytes: Buffer])[] = [
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
];

for (const [road, path] of roads)
  for (const [what, code, bytes] of connectionErrors) {
    // Over the rich link the window opens again while the reply is read.
    if (road === "rich" && what.startsWith("§6.9.1 more DATA")) continue;
    test(`hostile upstream, ${road} link: ${what}`, () =>
      between({ rules: [held], mode: "fixed" }, async ({ client, upstream, rig }) => {
        client.send(hello, requestFrame(1, path));
        const server = await upstream();
        await server.until(({ type }) => type === frameTypes.headers);
        server.send(bytes);
        assert.equal(await server.goAwayCode(), code);
        const event = await rig.event(({ kind }) => kind === "call");
        assert.partialDeepStrictEqual(event, { flags: ["UPE"], outcome: "failed" });
        if (road === "pinned") assert.equal(await client.goAwayCode(), errorCodes.internal);
        else await client.until(({ stream, type }) => stream === 1 && (type === 1 || type === 3));
      }));
  }

/** RFC 9113 §8.1.1: the stream ends, and the connection goes on. */
const malformed: readonly (readonly [what: string, bytes: Buffer])[] = [
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
];

/** The same behind a head that the client has seen. */
const malformedLater: readonly (readonly [what: string, bytes: Buffer])[] = [
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

async function goesOn({ client }: Pair, server: RawPeer, path: string): Promise<void> {
  client.send(requestFrame(3, path));
  const request = await server.until(({ type }) => type === frameTypes.headers && server.frames.length > 0);
  assert.ok(request);
  await server.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
  server.send(
    frame(
      frameTypes.headers,
      0x5,
      3,
      encodeLiterals([
        [":status", "204"],
        ["x-after", "1"],
      ]),
    ),
  );
  await client.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
  const fields = client.frames
    .filter(({ type }) => type === frameTypes.headers)
    .map(({ stream, payload }) => [stream, client.fields(payload)] as const);
  assert.deepEqual(fields.find(([stream]) => stream === 3)?.[1], [
    [":status", "204"],
    ["x-after", "1"],
  ]);
}

for (const [road, path] of roads) {
  for (const [what, bytes] of malformed)
    for (const [how, say] of deliveries(Buffer.concat([serverHello, bytes])))
      test(`hostile upstream, ${road} link: ${what}${how}: 502, and the connection goes on`, () =>
        between({ rules: [held], mode: "fixed" }, async (pair) => {
          const { client, upstream, rig } = pair;
          client.send(hello, requestFrame(1, path));
          const server = await upstream();
          await server.until(({ type }) => type === frameTypes.headers);
          await say(server);
          assert.equal(await server.resetCode(1), protocol);
          const body = await client.until(({ type, stream }) => type === frameTypes.data && stream === 1);
          assert.match(
            body?.payload.toString() ?? "",
            /^understudy: the upstream sent a malformed response: .+\n$/,
          );
          const event = await rig.event(({ kind }) => kind === "call");
          assert.partialDeepStrictEqual(event, { status: 502, flags: ["UPE"], outcome: "failed" });
          await goesOn(pair, server, path);
        }));
  for (const [what, bytes] of malformedLater)
    for (const [how, say] of deliveries(Buffer.concat([serverHello, bytes])))
      test(`hostile upstream, ${road} link: ${what}${how}: the stream is reset, and the connection goes on`, () =>
        between({ rules: [held], mode: "fixed" }, async (pair) => {
          const { client, upstream } = pair;
          client.send(hello, requestFrame(1, path));
          const server = await upstream();
          await server.until(({ type }) => type === frameTypes.headers);
          await say(server);
          assert.equal(await server.resetCode(1), protocol);
          assert.equal(await client.resetCode(1), road === "pinned" ? protocol : errorCodes.internal);
          const ended = client.frames.find(
            ({ stream, flags: bits, type }) => stream === 1 && type <= 1 && (bits & 1) === 1,
          );
          assert.equal(ended, undefined, "nothing may look like the whole response");
          await goesOn(pair, server, path);
        }));
}

test("hostile upstream: a block that was kept back leaves the client's header table in step with ours", () =>
  between({ mode: "fixed", rules: [held] }, async ({ client, upstream }) => {
    const stored = (name: string, value: string) =>
      Buffer.concat([
        Buffer.from([0x40, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]);
    const block = (...parts: readonly Buffer[]) => Buffer.concat([Buffer.from([0x88]), ...parts]); // :status 200
    client.send(
      hello,
      requestFrame(1, "/a"),
      requestFrame(3, "/a"),
      requestFrame(5, "/a"),
      requestFrame(7, "/a"),
    );
    const server = await upstream();
    await server.until(({ stream }) => stream === 7);
    server.send(
      serverHello,
      headerFrames(1, flags.endStream, block(stored("x-one", "1"))),
      headerFrames(3, flags.endStream, block(stored("X-BAD", "2"), stored("x-two", "2"))),
      headerFrames(5, flags.endStream, block(Buffer.from([0xbe, 0xc0]))), // x-two, x-one
      headerFrames(7, flags.endStream, block(Buffer.from([0xbe]), stored("x-three", "3"))),
    );
    await client.until(({ stream, type }) => stream === 7 && type === frameTypes.headers);
    const got = client.frames
      .filter(({ type }) => type === frameTypes.headers)
      .map(({ stream, payload }) => [
        stream,
        client
          .fields(payload)
          .slice(1)
          .filter(([name]) => name.startsWith("x-")),
      ]);
    assert.deepEqual(got, [
      [1, [["x-one", "1"]]],
      [3, []],
      [
        5,
        [
          ["x-two", "2"],
          ["x-one", "1"],
        ],
      ],
      [
        7,
        [
          ["x-two", "2"],
          ["x-three", "3"],
        ],
      ],
    ]);
  }));

test("hostile upstream: what it sends on a stream that is answered here goes nowhere, and costs no window", () =>
  between(
    { mode: "fixed", rules: [{ ...held, fault: { ...noFault, abort: { kind: "hang" } } }] },
    async ({ client, upstream }) => {
      client.send(hello, requestFrame(1, "/rich"), requestFrame(3, "/a"));
      const server = await upstream();
      await server.until(({ stream }) => stream === 3);
      server.send(
        serverHello,
        responseFrame(1),
        data(9_000, 0, 1),
        resetFrame(1, 0),
        responseFrame(3),
        data(1, 1, 3),
      );
      await client.until(({ stream, type }) => stream === 3 && type === frameTypes.data);
      assert.deepEqual(
        client.frames.filter(({ stream }) => stream === 1),
        [],
      );
      const granted = await server.until(
        ({ type, stream }) => type === frameTypes.windowUpdate && stream === 0,
      );
      assert.deepEqual(granted?.payload, uint32(9_000));
    },
  ));

test("§6.8 GOAWAY: a call on the rich link beyond the last stream fails, the next one uses another link", () =>
  between({ mode: "fixed", rules: [held] }, async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/rich"));
    const server = await upstream();
    await server.until(({ type }) => type === frameTypes.headers);
    server.send(serverHello, goAwayFrame(0, errorCodes.none));
    assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
      status: 502,
      flags: ["UC"],
    });
    await client.until(({ stream, type }) => stream === 1 && type === frameTypes.data);
  }));
