// HTTP/1 that goes on as HTTP/2 (RFC 7540 §3.2), between two raw peers: the bytes of the upgrade and of relayed streams arrive
// as they were sent, and rules see the streams behind it.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import type { CallEvent, TapEvent } from "../../../../src/core/tap.ts";
import {
  errorCodes,
  flags,
  frame,
  frameTypes,
  headerFrames,
  preface,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { openRig, openServer, type Rig, type RigOptions, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";
import { RawPeer, requestFrame, responseFrame } from "./raw-peer.ts";

const onPath = (value: string) => [{ path: { op: "exact", value } as const }];
const rules: readonly Partial<RuleSpec>[] = [
  { name: "m", matches: onPath("/m"), respond: replyWith("hi") },
  { name: "late", matches: onPath("/late"), fault: { ...noFault, delay: { type: "fixed", ms: 1 } } },
];

const settings: readonly (readonly [number, number])[] = [
  [3, 100],
  [4, 1_000_000],
];
const http2Settings = settingsFrame(settings).subarray(9).toString("base64url");
const asking = (path = "/", more = "") =>
  `GET ${path} HTTP/1.1\r\nhost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: ${http2Settings}\r\n${more}\r\n`;
const agreed = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const data = (stream: number, text: string, bits = 0) =>
  frame(frameTypes.data, bits, stream, Buffer.from(text));

interface Upgrade {
  readonly socket: Socket;
  readonly rig: Rig;
  /** Where the upstream listens: what a request to a proxy names. */
  readonly authority: string;
  /** The head that the upstream got, and its socket; no byte behind the head has been read. */
  asked(): Promise<{ readonly head: string; readonly socket: Socket }>;
}

async function between(
  work: (upgrade: Upgrade) => Promise<void>,
  options: Partial<RigOptions> = {},
): Promise<void> {
  let arrived: (asked: { head: string; socket: Socket }) => void = () => undefined;
  const asked = new Promise<{ head: string; socket: Socket }>((resolve) => {
    arrived = resolve;
  });
  await using server = await openServer((socket) => {
    void readUntil(socket, "\r\n\r\n").then((head) => {
      socket.pause();
      arrived({ head, socket });
    });
  });
  await using rig = await openRig({ upstream: server.address, rules, ...options });
  const socket = await rig.connect();
  try {
    const authority = `${server.address.host}:${server.address.port}`;
    await work({ socket, rig, authority, asked: () => asked });
  } finally {
    socket.destroy();
  }
}

/** Both sides past the 101, which the client has read. */
async function upgraded({ socket, asked }: Upgrade, request = asking()) {
  socket.write(request);
  const { head, socket: server } = await asked();
  const answer = readUntil(socket, "\r\n\r\n");
  server.write(agreed);
  assert.equal(await answer, agreed);
  socket.pause();
  const peers = { client: new RawPeer(socket), upstream: new RawPeer(server, preface.length) };
  for (const { socket: read } of Object.values(peers)) read.resume();
  return { head, ...peers };
}

const isCall = (path: string) => (event: TapEvent) => event.kind === "call" && event.path === path;
const callOf = async (rig: Rig, path: string) => (await rig.event(isCall(path))) as CallEvent;

test("upgrade: the request and the 101 pass as they are, and stream 1 is answered in HTTP/2", () =>
  between(async (upgrade) => {
    const { head, client, upstream } = await upgraded(upgrade);
    assert.equal(head, asking());
    upstream.send(settingsFrame([[3, 50]]), responseFrame(1), data(1, "hello", flags.endStream));
    client.send(preface, settingsFrame(settings));
    const reply = await client.until(({ type }) => type === frameTypes.data);
    assert.equal(String(reply?.payload), "hello");
    const own = await upstream.until(({ type }) => type === frameTypes.settings);
    assert.deepEqual(own?.payload, settingsFrame(settings).subarray(9), "the client's SETTINGS come first");
    const call = await callOf(upgrade.rig, "/");
    assert.deepEqual(
      [call.protocol, call.method, call.authority, call.status, call.outcome],
      ["http/2", "GET", "shop", 200, "relayed"],
    );
    assert.equal(upgrade.rig.events.filter(isCall("/")).length, 1, "one request is one call");
  }));

test("upgrade: later streams are mocked or relayed, and each ACK answers whom it should", () =>
  between(async (upgrade) => {
    const { client, upstream } = await upgraded(upgrade);
    client.send(preface, settingsFrame(settings), requestFrame(3, "/m"), requestFrame(5, "/relayed"));
    const mocked = await client.until(({ type, stream }) => type === frameTypes.data && stream === 3);
    assert.equal(String(mocked?.payload), "hi");
    const relayed = await upstream.until(({ type }) => type === frameTypes.headers);
    assert.equal(relayed?.stream, 5);
    upstream.send(settingsFrame([]), settingsAck, responseFrame(5, 200, 5), responseFrame(1, 204, 5));
    await client.until(({ type, stream }) => type === frameTypes.headers && stream === 1);
    assert.equal((await callOf(upgrade.rig, "/m")).rule, "m");
    assert.equal((await callOf(upgrade.rig, "/relayed")).status, 200);
    const acks = client.frames.filter(({ type, flags: bits }) => type === frameTypes.settings && bits === 1);
    assert.equal(acks.length, 1);
    assert.ok(upstream.frames.every(({ stream }) => stream !== 3));
  }));

test("upgrade: bytes of the client behind its request, and of the upstream behind its 101, are not lost", () =>
  between(async ({ socket, asked }) => {
    socket.write(
      Buffer.concat([Buffer.from(asking()), preface, settingsFrame(settings), requestFrame(3, "/m")]),
    );
    const { socket: server } = await asked();
    server.write(Buffer.concat([Buffer.from(agreed), settingsFrame([]), responseFrame(1, 200, 5)]));
    const client = new RawPeer(socket, agreed.length);
    const mocked = await client.until(({ type, stream }) => type === frameTypes.data && stream === 3);
    assert.equal(String(mocked?.payload), "hi");
    assert.ok(await client.until(({ type, stream }) => type === frameTypes.headers && stream === 1));
  }));

test("upgrade: it is understood in any two pieces, on either side", async () => {
  const fromClient = Buffer.concat([preface, settingsFrame(settings), requestFrame(3, "/m")]);
  const fromUpstream = Buffer.concat([Buffer.from(agreed), settingsFrame([]), responseFrame(1, 200, 5)]);
  const cuts = Math.max(fromClient.length, fromUpstream.length);
  for (let cut = 1; cut < cuts; cut++)
    await between(async ({ socket, asked }) => {
      socket.write(asking());
      const { socket: server } = await asked();
      const client = new RawPeer(socket, agreed.length);
      server.write(fromUpstream.subarray(0, cut));
      socket.write(fromClient.subarray(0, cut));
      await new Promise(setImmediate);
      server.write(fromUpstream.subarray(cut));
      socket.write(fromClient.subarray(cut));
      const mocked = await client.until(({ type, stream }) => type === frameTypes.data && stream === 3);
      assert.equal(String(mocked?.payload), "hi", `cut at ${cut}`);
      assert.ok(await client.until(({ type, stream }) => type === frameTypes.headers && stream === 1));
    });
});

test("upgrade: the windows that HTTP2-Settings open hold for mocks", () => {
  const big = "b".repeat(60_000);
  const narrow = settingsFrame([[4, 10]])
    .subarray(9)
    .toString("base64url");
  return between(
    async (upgrade) => {
      const request = asking().replace(http2Settings, narrow);
      const { client } = await upgraded(upgrade, request);
      client.send(preface, settingsFrame([[4, 10]]), requestFrame(3, "/big"));
      const first = await client.until(({ type }) => type === frameTypes.data);
      assert.equal(first?.payload.length, 10);
      client.send(windowUpdateFrame(3, 60_000));
      await client.until(({ type, flags: bits }) => type === frameTypes.data && (bits & 1) === 1);
      const bodies = client.frames.filter(({ type }) => type === frameTypes.data);
      assert.equal(Buffer.concat(bodies.map(({ payload }) => payload)).toString(), big);
    },
    { rules: [{ name: "big", matches: onPath("/big"), respond: replyWith(big) }] },
  );
});

test("upgrade: a header table that HTTP2-Settings allow is used at once", () =>
  between(async (upgrade) => {
    const large = settingsFrame([[1, 8_192]])
      .subarray(9)
      .toString("base64url");
    const { client, upstream } = await upgraded(upgrade, asking().replace(http2Settings, large));
    client.send(preface, settingsFrame([[1, 8_192]]));
    // A size update to 8,192 (RFC 7541 §6.3), :status 200, and an entry that only the larger table holds.
    const block = Buffer.concat([
      Buffer.from([0x3f, 0xe1, 0x3f, 0x88]),
      encodeLiterals([["a", "b".repeat(6_000)]]),
    ]);
    upstream.send(settingsFrame([]), headerFrames(1, flags.endStream, block));
    const got = await client.until(({ type }) => type === frameTypes.headers);
    assert.deepEqual(got?.payload, block);
  }));

test("upgrade: a claimed request stays HTTP/1, and its upstream hears no wish to upgrade", () =>
  between(async ({ socket, asked, rig }) => {
    const answer = readUntil(socket, "ok");
    socket.write(asking("/late", "X-Kept: 1\r\n"));
    const { head, socket: server } = await asked();
    assert.equal(head, "GET /late HTTP/1.1\r\nhost: shop\r\nX-Kept: 1\r\n\r\n");
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.match(await answer, /^HTTP\/1.1 200 OK\r\n/);
    assert.equal((await callOf(rig, "/late")).protocol, "http/1");
  }));

test("upgrade: a mock answers in HTTP/1, and the next request on the connection may upgrade", () =>
  between(async (upgrade) => {
    const answer = readUntil(upgrade.socket, /hi$/);
    upgrade.socket.write(asking("/m"));
    assert.match(await answer, /^HTTP\/1.1 200 OK\r\n/);
    const { client, upstream } = await upgraded(upgrade);
    client.send(preface, settingsFrame(settings));
    upstream.send(settingsFrame([]), responseFrame(1, 200, 5));
    assert.ok(await client.until(({ type }) => type === frameTypes.headers));
  }));

test("upgrade: where no rule can concern the connection it stays opaque", () =>
  between(
    async (upgrade) => {
      const { client, upstream } = await upgraded(upgrade);
      client.send(preface, settingsFrame([]), frame(0x7f, 0, 0));
      assert.ok(await upstream.until(({ type }) => type === 0x7f));
      upgrade.socket.end();
      upstream.socket.end();
      const event = await upgrade.rig.event(({ kind }) => kind === "opaque");
      assert.equal(event.kind === "opaque" && event.protocol, "upgraded");
      assert.equal((await callOf(upgrade.rig, "/")).status, 101);
    },
    { rules: [] },
  ));

for (const [what, request] of [
  ["without HTTP2-Settings", asking().replace(/HTTP2-Settings: .*\r\n/, "")],
  ["with two HTTP2-Settings", asking("/", `HTTP2-Settings: ${http2Settings}\r\n`)],
  ["with HTTP2-Settings that are none", asking().replace(http2Settings, "AAM")],
  ["with HTTP2-Settings in another alphabet", asking().replace(http2Settings, "AAMA//8+")],
  ["with a header table beyond what is kept here", asking().replace(http2Settings, "AAEAAgAA")],
] as const)
  test(`upgrade: one ${what}, which the upstream takes all the same, stays opaque`, () =>
    between(async (upgrade) => {
      const { client, upstream } = await upgraded(upgrade, request);
      client.send(preface, settingsFrame([]), requestFrame(3, "/m"));
      assert.ok(await upstream.until(({ stream }) => stream === 3));
    }));

test("upgrade: a refused one leaves HTTP/1 as it is", () =>
  between(async ({ socket, asked }) => {
    const answer = readUntil(socket, /ok$/);
    socket.write(asking());
    const { socket: server } = await asked();
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.equal(await answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const mocked = readUntil(socket, /hi$/);
    socket.write("GET /m HTTP/1.1\r\nHost: shop\r\n\r\n");
    assert.match(await mocked, /^HTTP\/1.1 200 OK/);
  }));

test("upgrade: a malformed response on stream 1 is reset behind the client's SETTINGS, never before them", () =>
  between(async (upgrade) => {
    const { client, upstream } = await upgraded(upgrade);
    upstream.send(settingsFrame([]), data(1, "body without a head"));
    const answer = await client.until(({ type }) => type === frameTypes.headers);
    assert.equal(client.fields(answer?.payload ?? Buffer.alloc(0))[0]?.[1], "502");
    assert.equal(upstream.frames.length, 0);
    client.send(preface, settingsFrame(settings), frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
    assert.equal(await upstream.resetCode(1), errorCodes.protocol);
    assert.equal(upstream.frames[0]?.type, frameTypes.settings);
  }));

test("upgrade: what does not begin like HTTP/2 ends the connection", async (t) => {
  const wrong = {
    "a client without preface": [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      settingsFrame([]),
      errorCodes.protocol,
    ],
    "a request on stream 1": [
      Buffer.concat([preface, settingsFrame([]), requestFrame(1, "/")]),
      settingsFrame([]),
      errorCodes.streamClosed,
    ],
    "an upstream without SETTINGS": [
      Buffer.concat([preface, settingsFrame([])]),
      responseFrame(1),
      errorCodes.internal,
    ],
  } as const;
  for (const [what, [fromClient, fromUpstream, code]] of Object.entries(wrong))
    await t.test(what, () =>
      between(async (upgrade) => {
        const { client, upstream } = await upgraded(upgrade);
        upstream.send(fromUpstream);
        client.send(fromClient);
        assert.equal(await client.goAwayCode(), code);
        assert.equal((await callOf(upgrade.rig, "/")).flags.length, 1);
      }),
    );
});

test("upgrade: draining says GOAWAY and lets stream 1 end", () =>
  between(async (upgrade) => {
    const { client, upstream } = await upgraded(upgrade);
    client.send(preface, settingsFrame(settings));
    upstream.send(settingsFrame([]));
    await client.until(({ type }) => type === frameTypes.settings);
    const drained = upgrade.rig.drain();
    const farewell = await client.until(({ type }) => type === frameTypes.goAway);
    assert.equal(farewell?.payload.readUInt32BE(0), 1);
    upstream.send(responseFrame(1, 200, 5));
    assert.ok(await client.until(({ type, stream }) => type === frameTypes.headers && stream === 1));
    upgrade.socket.end();
    await drained;
  }));

test("upgrade: through an explicit proxy, too", () =>
  between(
    async (upgrade) => {
      const target = asking(`http://${upgrade.authority}/`).replace(
        "host: shop",
        `host: ${upgrade.authority}`,
      );
      const { head, client, upstream } = await upgraded(upgrade, target);
      assert.match(head, /^GET \/ HTTP\/1.1\r\n/);
      client.send(preface, settingsFrame(settings), requestFrame(3, "/m"), requestFrame(5, "/relayed"));
      upstream.send(settingsFrame([]), responseFrame(1, 200, 5));
      const mocked = await client.until(({ type, stream }) => type === frameTypes.data && stream === 3);
      assert.equal(String(mocked?.payload), "hi");
      assert.ok(await upstream.until(({ stream }) => stream === 5));
    },
    { mode: "proxy" },
  ));
