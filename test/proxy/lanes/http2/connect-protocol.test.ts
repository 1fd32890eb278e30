// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441): what rules can answer is offered to the client, whatever the upstream says;
// what only the upstream could answer is not sent there unless it takes it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  frame,
  frameTypes,
  headerFrames,
  preface,
  resetFrame,
  settingsAck,
  settingsFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { framesIn, masked } from "../../../conformance/websocket-frames.ts";
import { openRig, openServer, type Rig } from "../../../support/rig.ts";
import { rulesOf } from "../websocket/sockets.ts";
import { hello, type RawFrame, RawPeer, responseFrame } from "./raw-peer.ts";

const mocking = rulesOf(`
  - name: chat
    matches: [{websocket: {path: /chat}}]
    respond: {websocket: [{send: welcome}, {expect: any}, {send: {text: "<{{request.body}}>", template: true}}]}`);
const touching = rulesOf(`
  - name: drop
    matches: [{websocket: {path: /real}}]
    fault: {websocket: {dropMessages: true}}`);
const others = rulesOf(`
  - {name: paid, matches: [{path: /pay}], respond: {status: 402}}`);

const connectProtocol = 8;
const offer = [connectProtocol, 1] as const;
const isFrame =
  (type: number, stream = 0) =>
  (given: RawFrame) =>
    given.type === type && given.stream === stream;
const isSettings = (given: RawFrame) => given.type === frameTypes.settings && (given.flags & 1) === 0;
const isAck = (given: RawFrame) => given.type === frameTypes.settings && (given.flags & 1) === 1;

interface Ends {
  readonly rig: Rig;
  readonly client: RawPeer;
  /** Of the links to the upstream, in their order. */
  link(index: number): Promise<RawPeer>;
}

async function between(
  rules: readonly Partial<RuleSpec>[],
  work: (ends: Ends) => Promise<void>,
): Promise<void> {
  const links: RawPeer[] = [];
  const wakes = new Set<() => void>();
  await using server = await openServer((socket: Socket) => {
    links.push(new RawPeer(socket, preface.length));
    for (const wake of wakes) wake();
  });
  await using rig = await openRig({ upstream: server.address, rules });
  const socket = await rig.connect();
  const link = (index: number) =>
    new Promise<RawPeer>((resolve) => {
      const look = () => {
        const found = links[index];
        if (found) resolve(found);
      };
      wakes.add(look);
      look();
    });
  try {
    await work({ rig, client: new RawPeer(socket), link });
  } finally {
    socket.destroy();
  }
}

const asking = (stream: number, path: string) =>
  headerFrames(
    stream,
    0,
    encodeLiterals([
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":authority", "a.test"],
      [":path", path],
      ["sec-websocket-version", "13"],
    ]),
  );

/** Greets in both directions; the upstream's SETTINGS say `pairs`. */
async function greet(
  { client, link }: Ends,
  pairs: readonly (readonly [number, number])[],
): Promise<RawPeer> {
  client.send(hello);
  const upstream = await link(0);
  upstream.send(settingsFrame(pairs), settingsAck);
  return upstream;
}

/** The WebSocket that a rule answers, open. */
async function openChat(session: ClientHttp2Session): Promise<ClientHttp2Stream> {
  const stream = session.request(
    { ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat", "sec-websocket-version": "13" },
    { endStream: false },
  );
  stream.on("error", () => undefined);
  const [headers] = await once(stream, "response");
  assert.equal(headers[":status"], 200);
  return stream;
}

function sessionWith(rig: Rig): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${rig.address.port}`);
  session.on("error", () => undefined);
  return session;
}

const payloadOf = (pairs: readonly (readonly [number, number])[]) => settingsFrame(pairs).subarray(9);

test("CONNECT offer: a client of node:http2 sees it without an upstream, and the mock answers", async () => {
  await using rig = await openRig({ rules: mocking });
  const session = sessionWith(rig);
  const [settings] = await once(session, "remoteSettings");
  assert.equal(settings.enableConnectProtocol, true);
  const stream = await openChat(session);
  stream.write(masked({ payload: "hi" }));
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.includes("<hi>")) break;
  }
  assert.deepEqual(
    framesIn(bytes).map(({ payload }) => String(payload)),
    ["welcome", "<hi>"],
  );
  session.destroy();
});

test("CONNECT offer: it joins the SETTINGS of an upstream that says nothing of it, and one ACK answers both", () =>
  between(mocking, async (ends) => {
    const { client } = ends;
    const upstream = await greet(ends, [[3, 7]]);
    const got = await client.until(isSettings);
    assert.deepEqual(got?.payload, payloadOf([[3, 7], offer]));
    client.send(settingsAck);
    await upstream.until(isAck);
    assert.equal(client.frames.filter(isSettings).length, 1);
  }));

test("CONNECT offer: a rule that comes later is offered on connections that are open, once", () =>
  between(others, async (ends) => {
    const { rig, client } = ends;
    const upstream = await greet(ends, [[3, 7]]);
    assert.deepEqual((await client.until(isSettings))?.payload, payloadOf([[3, 7]]));
    client.send(settingsAck);
    await upstream.until(isAck);
    rig.setRules(mocking);
    const late = await client.until(
      (given) => isSettings(given) && given.payload.length === 6 && given.payload[1] === connectProtocol,
    );
    assert.deepEqual(late?.payload, payloadOf([offer]));
    client.send(settingsAck, asking(1, "/chat"));
    await client.until(isFrame(frameTypes.headers, 1));
    upstream.send(settingsFrame([[3, 9]]));
    await client.until((given) => isSettings(given) && given.payload.length === 12);
    client.send(settingsAck);
    await upstream.until((given) => isAck(given) && upstream.frames.filter(isAck).length === 2);
    assert.deepEqual(
      client.frames.filter(isSettings).map(({ payload }) => payload),
      [payloadOf([[3, 7]]), payloadOf([offer]), payloadOf([[3, 9], offer])],
    );
  }));

test("CONNECT offer: node:http2 hears of a rule that comes later, and its WebSocket is answered", async () => {
  await using rig = await openRig({ rules: others });
  const session = sessionWith(rig);
  const [first] = await once(session, "remoteSettings");
  assert.equal(first.enableConnectProtocol, false);
  rig.setRules(mocking);
  const [settings] = await once(session, "remoteSettings");
  assert.equal(settings.enableConnectProtocol, true);
  await openChat(session);
  session.destroy();
});

test("CONNECT offer: an upstream that takes it back is not heard to do so (RFC 8441 §3)", () =>
  between(mocking, async ({ client, link }) => {
    client.send(hello);
    const upstream = await link(0);
    upstream.send(
      settingsFrame([offer]),
      settingsAck,
      settingsFrame([
        [connectProtocol, 0],
        [3, 9],
      ]),
    );
    await client.until((given) => isSettings(given) && given.payload.length > 6);
    assert.deepEqual(
      client.frames.filter(isSettings).map(({ payload }) => payload),
      [payloadOf([offer]), payloadOf([[3, 9], offer])],
    );
  }));

for (const [what, rules] of [
  ["answer other calls", others],
  ["touch messages", touching],
] as const)
  test(`CONNECT offer: none where rules only ${what}`, () =>
    between(rules, async (ends) => {
      const { client } = ends;
      await greet(ends, [[3, 7]]);
      const got = await client.until(isSettings);
      assert.deepEqual(got?.payload, payloadOf([[3, 7]]));
    }));

test("CONNECT offer: what no rule claims is sent to HTTP/1.1 where the upstream does not take it", () =>
  between(mocking, async (ends) => {
    const { client, link, rig } = ends;
    const upstream = await greet(ends, []);
    await client.until(isSettings);
    client.send(settingsAck, asking(1, "/unclaimed"));
    const second = await link(1);
    second.send(settingsFrame([]), settingsAck);
    assert.equal(await client.resetCode(1), errorCodes.http11Required);
    const event = await rig.event(({ kind }) => kind === "call");
    assert.ok(event.kind === "call");
    assert.deepEqual([event.outcome, event.flags, event.rule], ["refused", ["UF"], null]);
    assert.match(event.detail, /takes no CONNECT for websocket over HTTP\/2/);
    for (const peer of [upstream, second])
      assert.ok(!peer.frames.some(({ type }) => type === frameTypes.headers), "the upstream never sees it");
  }));

test("CONNECT offer: what no rule claims goes to an upstream that takes it", () =>
  between(mocking, async (ends) => {
    const { client } = ends;
    const upstream = await greet(ends, [offer]);
    await client.until(isSettings);
    client.send(settingsAck, asking(1, "/unclaimed"));
    await upstream.until(isFrame(frameTypes.headers, 1));
    upstream.send(responseFrame(1), frame(frameTypes.data, 0, 1, Buffer.from("raw")));
    const got = await client.until(isFrame(frameTypes.data, 1));
    assert.equal(String(got?.payload), "raw");
  }));

test("CONNECT offer: what came before the upstream's SETTINGS waits for them, and then goes on", () =>
  between(mocking, async ({ client, link }) => {
    client.send(hello, asking(1, "/chat"));
    await client.until(isFrame(frameTypes.headers, 1));
    client.send(asking(3, "/unclaimed"));
    const upstream = await link(0);
    await upstream.until(isSettings);
    assert.ok(!upstream.frames.some(({ type }) => type === frameTypes.headers));
    upstream.send(settingsFrame([offer]), settingsAck);
    await upstream.until(isFrame(frameTypes.headers, 1));
    upstream.send(responseFrame(1), frame(frameTypes.data, 0, 1, Buffer.from("raw")));
    const got = await client.until(isFrame(frameTypes.data, 3));
    assert.equal(String(got?.payload), "raw");
  }));

test("CONNECT offer: a client that leaves while the upstream is silent is let go", () =>
  between(mocking, async ({ client, link, rig }) => {
    client.send(hello, asking(1, "/chat"));
    await client.until(isFrame(frameTypes.headers, 1));
    client.send(asking(3, "/unclaimed"));
    await link(0);
    client.send(resetFrame(3, errorCodes.cancel));
    const event = await rig.event((one) => one.kind === "call" && one.path === "/unclaimed");
    assert.deepEqual(event.kind === "call" && event.flags, ["DC"]);
  }));

test("CONNECT offer: messages that a rule touches need an upstream that takes it", () =>
  between(touching, async ({ client, link }) => {
    client.send(hello, asking(1, "/real"));
    const upstream = await link(0);
    upstream.send(settingsFrame([]), settingsAck);
    assert.equal(await client.resetCode(1), errorCodes.http11Required);
  }));
