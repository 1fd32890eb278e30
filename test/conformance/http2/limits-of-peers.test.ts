// What an intermediary owes to both of its peers over a whole connection (RFC 9113 §4.3, §5.1.2, §6.5.3, §6.8, §6.9), between a
// client and an upstream of raw frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../src/core/rule.ts";
import {
  errorCodes,
  frame,
  frameTypes,
  goAwayFrame,
  headerFrames,
  preface,
  resetFrame,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import {
  hello,
  type RawPeer,
  requestFrame,
  responseFrame,
  serverHello,
} from "../../proxy/lanes/http2/raw-peer.ts";
import { noFault, replyWith } from "../../support/rule-spec.ts";
import { between } from "./pair.ts";

const onPath = (value: string) => [{ path: { op: "exact", value } as const }];
const held: Partial<RuleSpec> = {
  name: "held",
  matches: onPath("/rich"),
  fault: { ...noFault, delay: { type: "fixed", ms: 0 } },
};
const mock: Partial<RuleSpec> = { name: "m", matches: onPath("/m"), respond: replyWith("hi") };
const requestsOf = (peer: RawPeer) => peer.frames.filter(({ type }) => type === frameTypes.headers);
const answerTo = (client: RawPeer, stream: number) =>
  client.until((given) => given.type === frameTypes.headers && given.stream === stream);
/** What was sent before it has been read: a PING comes back. */
const pinged = async (peer: RawPeer, mark: number) => {
  peer.send(frame(frameTypes.ping, 0, 0, Buffer.alloc(8, mark)));
  await peer.until(({ type, payload }) => type === frameTypes.ping && payload[0] === mark);
};

test("§5.1.2: no more claimed calls are open at the upstream than it takes; the others wait in order", () =>
  between({ rules: [held], mode: "fixed" }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/rich"));
    const server = await upstream();
    server.send(settingsFrame([[3, 2]]), settingsAck, responseFrame(1, 200, 5));
    await answerTo(client, 1);
    for (const id of [3, 5, 7, 9]) client.send(requestFrame(id, "/rich"));
    await server.until(() => requestsOf(server).length === 3);
    await pinged(client, 1);
    await pinged(server, 2);
    assert.equal(requestsOf(server).length, 3, "two are open");
    server.send(responseFrame(3, 201, 5));
    await server.until(() => requestsOf(server).length === 4);
    server.send(resetFrame(5, errorCodes.cancel));
    await server.until(() => requestsOf(server).length === 5);
    server.send(responseFrame(7, 203, 5), responseFrame(9, 204, 5));
    assert.equal(await client.resetCode(5), errorCodes.cancel);
    for (const id of [3, 7, 9]) assert.ok(await answerTo(client, id));
  }));

test("§5.1.2: a call that waits for a place and is given up by its client takes none", () =>
  between({ rules: [held], mode: "fixed" }, async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/rich"));
    const server = await upstream();
    server.send(settingsFrame([[3, 1]]), settingsAck, responseFrame(1, 200, 5));
    await answerTo(client, 1);
    client.send(requestFrame(3, "/rich"));
    await server.until(() => requestsOf(server).length === 2);
    client.send(requestFrame(5, "/rich"), requestFrame(7, "/rich"));
    await pinged(client, 1);
    client.send(resetFrame(5, errorCodes.cancel));
    await rig.event((event) => event.kind === "call" && event.flags.includes("DC"));
    server.send(responseFrame(3, 200, 5));
    await server.until(() => requestsOf(server).length === 3);
    server.send(responseFrame(5, 207, 5));
    const reply = await answerTo(client, 7);
    assert.ok(reply);
    assert.equal(requestsOf(server).length, 3);
  }));

test("§5.1.2: a limit that is raised lets those go that wait", () =>
  between({ rules: [held], mode: "fixed" }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/rich"));
    const server = await upstream();
    server.send(settingsFrame([[3, 0]]), settingsAck, responseFrame(1, 200, 5));
    await answerTo(client, 1);
    client.send(requestFrame(3, "/rich"), requestFrame(5, "/rich"));
    await pinged(client, 1);
    assert.equal(requestsOf(server).length, 1);
    server.send(settingsFrame([[3, 5]]));
    await server.until(() => requestsOf(server).length === 3);
  }));

test("§6.5.3: SETTINGS without an upstream are acknowledged once, and bind us at once", () =>
  between({ rules: [mock] }, async ({ client }) => {
    client.send(preface, settingsFrame([[4, 1]]), requestFrame(1, "/m"));
    await client.until(({ type }) => type === frameTypes.data);
    client.send(settingsFrame([[4, 100]]));
    await client.until(({ type, flags: bits }) => type === frameTypes.data && (bits & 1) === 1);
    const data = client.frames.filter(({ type }) => type === frameTypes.data);
    assert.deepEqual(
      data.map(({ payload }) => String(payload)),
      ["h", "i", ""],
    );
    const acks = client.frames.filter(({ type, flags: bits }) => type === frameTypes.settings && bits === 1);
    assert.equal(acks.length, 2);
  }));

test("§6.5.3: an upstream whose SETTINGS nobody acknowledges may not send them without end", () =>
  between({ rules: [mock], mode: "fixed" }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(serverHello, ...Array.from({ length: 1_100 }, () => settingsFrame([])));
    assert.equal(await server.goAwayCode(), errorCodes.enhanceYourCalm);
    assert.equal(await client.goAwayCode(), errorCodes.internal);
  }));

test("§6.7: PING is answered without an upstream, with its own octets", () =>
  between({ rules: [mock] }, async ({ client }) => {
    client.send(hello, requestFrame(1, "/m"));
    await pinged(client, 77);
    const ping = client.frames.find(({ type }) => type === frameTypes.ping);
    assert.deepEqual([ping?.flags, ping?.payload], [1, Buffer.alloc(8, 77)]);
  }));

test("§6.8: a later GOAWAY never takes back what an earlier one has disowned", () =>
  between({ rules: [mock], mode: "fixed" }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    await server.until(({ type }) => type === frameTypes.headers);
    server.send(serverHello, goAwayFrame(1, errorCodes.none));
    await client.until(({ type }) => type === frameTypes.goAway);
    client.send(requestFrame(3, "/r"), requestFrame(5, "/r"));
    assert.equal(await client.resetCode(5), errorCodes.refusedStream);
    client.send(windowUpdateFrame(0, 0));
    const last = (code: number) =>
      client.until(({ type, payload }) => type === frameTypes.goAway && payload.readUInt32BE(4) === code);
    assert.equal((await last(errorCodes.protocol))?.payload.readUInt32BE(0), 1);
  }));

test("§4.3: blocks of refused and malformed requests still count for the header table", () =>
  between({ rules: [mock], mode: "fixed" }, async ({ client, upstream }) => {
    const stored = (name: string, value: string) =>
      Buffer.concat([
        Buffer.from([0x40, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]);
    const base = encodeLiterals([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/r"],
      [":authority", "test"],
    ]);
    client.send(
      hello,
      headerFrames(1, 1, Buffer.concat([base, stored("X-BAD", "1"), stored("x-one", "1")])), // malformed
      headerFrames(3, 1, Buffer.concat([base, stored("x-two", "2"), Buffer.from([0xbf])])), // x-one
    );
    assert.equal(await client.resetCode(1), errorCodes.protocol);
    const server = await upstream();
    const request = await server.until(({ type }) => type === frameTypes.headers);
    const fields = server.fields(request?.payload ?? Buffer.alloc(0)).slice(4);
    assert.deepEqual(fields, [
      ["x-two", "2"],
      ["x-one", "1"],
    ]);
  }));

test("§6.9: DATA of a stream that we have reset still counts, and is given back", () =>
  between({ rules: [mock], mode: "fixed" }, async ({ client }) => {
    const data = frame(frameTypes.data, 0, 1, Buffer.alloc(16_384));
    client.send(hello, headerFrames(1, 0, encodeLiterals([[":method", "POST"]])));
    assert.equal(await client.resetCode(1), errorCodes.protocol);
    // More than the connection's window in all: it ends unless what came is given back.
    for (let i = 0; i < 8; i++) {
      const granted = () => client.frames.filter(({ type, stream }) => type === 8 && stream === 0).length;
      const before = granted();
      client.send(data);
      await client.until(() => granted() > before);
    }
    assert.equal(client.ended, "open");
  }));

test("§6.9.2: a window that SETTINGS make negative must first be opened again", () => {
  const big = "b".repeat(1_000);
  return between({ rules: [{ ...mock, respond: replyWith(big) }] }, async ({ client }) => {
    client.send(preface, settingsFrame([[4, 600]]), requestFrame(1, "/m"));
    const sent = () =>
      client.frames
        .filter(({ type }) => type === frameTypes.data)
        .reduce((sum, one) => sum + one.payload.length, 0);
    await client.until(() => sent() === 600);
    client.send(settingsFrame([[4, 100]]), windowUpdateFrame(1, 500)); // -500, then 0
    await pinged(client, 1);
    assert.equal(sent(), 600);
    client.send(windowUpdateFrame(1, 50));
    await client.until(() => sent() === 650);
    client.send(windowUpdateFrame(1, 1_000));
    await client.until(() => sent() === 1_000);
  });
});
