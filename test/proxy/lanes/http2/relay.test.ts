// Relayed streams between two peers of raw frames: what arrives is what was sent, and the accounts of relayed and locally
// answered streams stay apart.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  flags,
  frame,
  frameTypes,
  goAwayFrame,
  headerFrames,
  preface,
  resetFrame,
  settingsAck,
  settingsFrame,
  uint32,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { openRig, openServer, type Rig, type RigOptions } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { hello, type RawFrame, RawPeer, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const onPath = (value: string) => [{ path: { op: "exact", value } as const }];
const bigMock = "m".repeat(60_000);
const rules: readonly Partial<RuleSpec>[] = [
  { name: "m", matches: onPath("/m"), respond: replyWith("hi") },
  { name: "big", matches: onPath("/big"), respond: replyWith(bigMock) },
];

interface Pair {
  readonly client: RawPeer;
  /** The pinned link, once a relayed stream has opened it. */
  upstream(): Promise<RawPeer>;
  readonly rig: Rig;
}

async function between(
  work: (pair: Pair) => Promise<void>,
  options: Partial<RigOptions> = {},
): Promise<void> {
  let arrived: (peer: RawPeer) => void = () => undefined;
  const upstream = new Promise<RawPeer>((resolve) => {
    arrived = resolve;
  });
  await using server = await openServer((socket: Socket) => arrived(new RawPeer(socket, preface.length)));
  await using rig = await openRig({ upstream: server.address, rules, ...options });
  const socket = await rig.connect();
  const client = new RawPeer(socket);
  try {
    await work({ client, rig, upstream: () => upstream });
  } finally {
    socket.destroy();
  }
}

const is = (type: number, stream: number) => (given: RawFrame) =>
  given.type === type && given.stream === stream;
const data = (stream: number, bytes: Uint8Array, flagBits = 0) =>
  frame(frameTypes.data, flagBits, stream, bytes);

test("relay: header fields arrive in order, with repetition, crumbs and never-indexed ones as they were", () =>
  between(async ({ client, upstream }) => {
    const fields = [
      [":method", "POST"],
      [":scheme", "http"],
      [":authority", "a.test"],
      [":path", "/x?y=z"],
      ["cookie", "a=b"],
      ["cookie", "c=d"],
      ["x-a", "1"],
      ["x-a", "2"],
      ["x-bytes", "\u00ff\u0080"],
      ["authorization", "secret"],
    ] as const;
    const block = encodeLiterals(fields);
    client.send(hello, headerFrames(1, 1, block));
    const server = await upstream();
    const got = await server.until(is(frameTypes.headers, 1));
    assert.deepEqual(got?.payload, block);
    assert.deepEqual(server.fields(got?.payload ?? Buffer.alloc(0)), fields);
  }));

test("relay: a mocked block between relayed ones does not put the upstream's table out", () =>
  between(async ({ client, upstream }) => {
    const indexed = (text: string) => {
      const name = Buffer.from("x-k");
      return Buffer.concat([
        Buffer.from([0x40, name.length]),
        name,
        Buffer.from([text.length]),
        Buffer.from(text),
      ]);
    };
    const head = (path: string) =>
      encodeLiterals([
        [":method", "GET"],
        [":scheme", "http"],
        [":path", path],
      ]);
    client.send(
      hello,
      headerFrames(1, 1, Buffer.concat([head("/r"), indexed("one")])),
      headerFrames(3, 1, Buffer.concat([head("/m"), indexed("two")])),
      headerFrames(5, 1, Buffer.concat([head("/r"), Buffer.from([0xbe, 0xbf])])), // two, one
      headerFrames(7, 1, Buffer.concat([head("/r"), Buffer.from([0xbe, 0x7e, 1, 0x7a])])), // two, x-k: z
    );
    const server = await upstream();
    await server.until(is(frameTypes.headers, 7));
    const seen = server.frames
      .filter(({ type }) => type === frameTypes.headers)
      .map(({ stream, payload }) => [
        stream,
        ...server
          .fields(payload)
          .slice(3)
          .map(([, value]) => value),
      ]);
    assert.deepEqual(seen, [
      [1, "one"],
      [5, "two", "one"],
      [7, "two", "z"],
    ]);
  }));

test("relay: DATA with padding, trailers, PING, priority, unknown frames and RST_STREAM pass as they are", () =>
  between(async ({ client, upstream }) => {
    const opening = requestFrame(1, "/r", [], 0x4);
    client.send(hello, opening);
    const server = await upstream();
    server.send(serverHello);
    await client.until(is(frameTypes.settings, 0));
    const passing = [
      frame(0, flags.padded, 1, Buffer.from([3, 0x61, 0x62, 0, 0, 0])),
      frame(frameTypes.priority, 0, 1, Buffer.from([0, 0, 0, 0, 9])),
      frame(frameTypes.ping, 0, 0, Buffer.from("12345678")),
      frame(0xfa, 7, 0, Buffer.from("grease")),
      windowUpdateFrame(1, 77),
      resetFrame(1, errorCodes.cancel),
    ];
    client.send(...passing);
    await server.until(is(frameTypes.reset, 1));
    const got = server.frames.slice(-passing.length);
    assert.deepEqual(
      Buffer.concat(got.map((g) => frame(g.type, g.flags, g.stream, g.payload))),
      Buffer.concat(passing),
    );
  }));

test("relay: 1xx, response blocks in CONTINUATION, DATA and trailers reach the client byte for byte, however split", () =>
  between(async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    await server.until(is(frameTypes.headers, 1));
    const block = encodeLiterals([
      [":status", "200"],
      ["x-a", "1"],
    ]);
    const reply = Buffer.concat([
      settingsFrame([[3, 100]]),
      settingsAck,
      responseFrame(1, 103),
      frame(frameTypes.headers, 0, 1, block.subarray(0, 2)),
      frame(frameTypes.continuation, 4, 1, block.subarray(2)),
      frame(0, flags.padded, 1, Buffer.from([1, 0x61, 0])),
      data(1, Buffer.alloc(5_000, 0x62)),
      frame(frameTypes.headers, 5, 1, encodeLiterals([["x-t", "1"]])),
    ]);
    for (let at = 0; at < reply.length; at += at < 120 ? 1 : 997) {
      server.socket.write(reply.subarray(at, at + (at < 120 ? 1 : 997)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.until((given) => is(frameTypes.headers, 1)(given) && given.flags === 5);
    const got = client.frames.filter(({ type, flags: bits }) => type !== frameTypes.settings || bits === 0);
    const sent = Buffer.concat(got.map((g) => frame(g.type, g.flags, g.stream, g.payload)));
    assert.deepEqual(sent, Buffer.concat([reply.subarray(0, 15), reply.subarray(24)]));
    const event = await rig.event((found) => found.kind === "call");
    assert.partialDeepStrictEqual(event, { status: 200, outcome: "relayed" });
  }));

test("relay: credit for mocked DATA does not reach the upstream, and its DATA waits for the window it lacks", () =>
  between(async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(serverHello);
    await server.until(is(frameTypes.headers, 1));
    client.send(requestFrame(3, "/big"));
    await client.until((given) => is(frameTypes.data, 3)(given) && (given.flags & 1) === 1);
    // 60,000 of 65,535 octets are gone; the upstream does not know.
    server.send(
      responseFrame(1),
      data(1, Buffer.alloc(5_000)),
      data(1, Buffer.alloc(5_000)),
      data(1, Buffer.alloc(10), 1),
    );
    await client.until(is(frameTypes.data, 1));
    server.send(frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
    await client.until(is(frameTypes.ping, 0)); // overtakes what waits
    assert.equal(client.frames.filter(is(frameTypes.data, 1)).length, 1);
    client.send(windowUpdateFrame(0, 60_000));
    await client.until((given) => is(frameTypes.data, 1)(given) && (given.flags & 1) === 1);
    client.send(windowUpdateFrame(0, 10_010));
    const credit = await server.until(is(frameTypes.windowUpdate, 0));
    assert.equal(credit?.payload.readUInt32BE(), 10_010);
  }));

test("relay: a mock uses the whole window of a client, which grants more only once half of it is used", () =>
  between(
    async ({ client, upstream }) => {
      const window = 4_194_304;
      client.send(
        preface,
        settingsFrame([[4, window]]),
        windowUpdateFrame(0, window - 65_535),
        requestFrame(1, "/r"),
      );
      const server = await upstream();
      server.send(serverHello);
      await server.until(is(frameTypes.headers, 1));
      client.send(requestFrame(3, "/huge"));
      await client.until((given) => is(frameTypes.data, 3)(given) && (given.flags & 1) === 1);
      server.send(responseFrame(1), data(1, Buffer.from("real"), 1));
      await client.until(is(frameTypes.data, 1));
    },
    { rules: [{ name: "huge", matches: onPath("/huge"), respond: replyWith("h".repeat(2_000_000)) }] },
  ));

test("relay: request DATA of a mocked stream is credited by us, and never reaches the upstream", () =>
  between(async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r", [], 4), requestFrame(3, "/m", [], 4));
    const server = await upstream();
    server.send(serverHello);
    client.send(data(3, Buffer.alloc(16_384)), data(3, Buffer.alloc(16_384)), data(1, Buffer.alloc(9), 1));
    await server.until(is(frameTypes.data, 1));
    assert.equal(
      server.frames.some(({ stream }) => stream === 3),
      false,
    );
    const credits = () => client.frames.filter(is(frameTypes.windowUpdate, 0));
    await client.until(is(frameTypes.windowUpdate, 3));
    assert.equal(
      credits().reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0),
      32_768,
    );
  }));

test("relay: GOAWAY of the upstream does not disown mocked streams, and refuses relayed ones by name", () =>
  between(async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"), requestFrame(3, "/r"), requestFrame(5, "/m"));
    const server = await upstream();
    server.send(serverHello);
    await server.until(is(frameTypes.headers, 3));
    server.send(goAwayFrame(1, errorCodes.none, "bye"));
    assert.equal(await client.resetCode(3), errorCodes.refusedStream);
    const goAway = await client.until(is(frameTypes.goAway, 0));
    assert.deepEqual(goAway?.payload, Buffer.concat([uint32(5), uint32(0), Buffer.from("bye")]));
    server.send(responseFrame(1, 200, 5));
    server.socket.end();
    await client.until(() => false);
    assert.equal(client.ended, "fin");
  }));

test("relay: the upstream's table size bounds our encoder, and the client's reaches the upstream", () =>
  between(async ({ client, upstream }) => {
    client.send(preface, settingsFrame([[1, 100]]), requestFrame(1, "/r"));
    const server = await upstream();
    const settings = await server.until(is(frameTypes.settings, 0));
    assert.deepEqual(settings?.payload, settingsFrame([[1, 100]]).subarray(9));
    server.send(settingsFrame([[1, 0]]), settingsAck);
    await client.until((given) => is(frameTypes.settings, 0)(given) && given.payload.length === 6);
    client.send(settingsAck);
    const block = encodeLiterals(
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":path", "/r"],
      ],
      0,
    );
    client.send(headerFrames(3, 1, block));
    const got = await server.until(is(frameTypes.headers, 3));
    assert.equal(got?.payload[0], 0x20); // RFC 7541 §4.2
  }));

test("relay: a client that waits for SETTINGS gets the upstream's", () =>
  between(async ({ client, upstream }) => {
    client.send(hello);
    const server = await upstream();
    server.send(settingsFrame([[3, 7]]), settingsAck);
    const got = await client.until(is(frameTypes.settings, 0));
    assert.deepEqual(got?.payload, settingsFrame([[3, 7]]).subarray(9));
  }));

test("relay: a client that waits for SETTINGS of a silent upstream gets empty ones in time, and mocks", () =>
  between(async ({ client }) => {
    client.send(hello);
    const got = await client.until(is(frameTypes.settings, 0));
    assert.equal(got?.payload.length, 0);
    client.send(requestFrame(1, "/m"));
    await client.until(is(frameTypes.data, 1));
  }));

test("relay: CONNECT becomes a stream like any other", () =>
  between(async ({ client, upstream }) => {
    const block = encodeLiterals([
      [":method", "CONNECT"],
      [":authority", "far.test:443"],
    ]);
    client.send(hello, headerFrames(1, 0, block), data(1, Buffer.from("raw")));
    const server = await upstream();
    const got = await server.until(is(frameTypes.data, 1));
    assert.equal(got?.payload.toString(), "raw");
  }));

test("relay: an upstream that resets ends an untouched connection the same way", () =>
  between(async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    await server.until(is(frameTypes.headers, 1));
    server.socket.resetAndDestroy();
    await client.until(() => false);
    assert.equal(client.ended, "rst");
    assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), { flags: ["UC"] });
  }));

const brokenUpstreams: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["another first frame", responseFrame(1)],
  ["a frame larger than the client takes", Buffer.concat([serverHello, data(1, Buffer.alloc(16_385))])],
  ["a block that does not decode", Buffer.concat([serverHello, frame(1, 4, 1, Buffer.from([0xff, 0xff]))])],
  [
    "more DATA than the window",
    Buffer.concat([
      serverHello,
      responseFrame(1),
      ...Array.from({ length: 5 }, () => data(1, Buffer.alloc(16_384))),
    ]),
  ],
  ["CONTINUATION without a block", Buffer.concat([serverHello, frame(9, 4, 1)])],
  ["padding larger than its frame", Buffer.concat([serverHello, frame(1, 0xc, 1, Buffer.from([9]))])],
  ["SETTINGS of a wrong length", frame(4, 0, 0, Buffer.alloc(5))],
];

for (const [what, bytes] of brokenUpstreams) {
  test(`relay: an upstream that sends ${what} ends the connection with INTERNAL_ERROR`, () =>
    between(async ({ client, upstream, rig }) => {
      client.send(hello, requestFrame(1, "/r"));
      const server = await upstream();
      await server.until(is(frameTypes.headers, 1));
      server.send(bytes);
      assert.equal(await client.goAwayCode(), errorCodes.internal);
      assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), { flags: ["UPE"] });
    }));
}

test("relay: an incomplete head, an idle connection and a response that never comes end in time", async () => {
  await between(
    async ({ client }) => {
      client.send(hello, requestFrame(1, "/r", [], 0));
      assert.equal(await client.goAwayCode(), errorCodes.enhanceYourCalm);
    },
    { deadlines: { headMs: 30 } },
  );
  await between(
    async ({ client }) => {
      client.send(hello);
      assert.equal(await client.goAwayCode(), errorCodes.none);
    },
    { deadlines: { idleMs: 30 } },
  );
  await between(
    async ({ client, upstream }) => {
      client.send(hello, requestFrame(1, "/r"));
      (await upstream()).send(serverHello);
      assert.equal(await client.resetCode(1), errorCodes.cancel);
    },
    { deadlines: { responseMs: 30 } },
  );
});

test("relay: draining lets open streams finish and takes no new ones", () =>
  between(async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(serverHello);
    await server.until(is(frameTypes.headers, 1));
    const drained = rig.drain();
    assert.equal(await client.goAwayCode(), errorCodes.none);
    client.send(requestFrame(3, "/m"));
    assert.equal(await client.resetCode(3), errorCodes.refusedStream);
    server.send(responseFrame(1, 200, 5));
    await client.until(() => false);
    client.socket.end();
    await drained;
  }));
