// A header table that a peer makes smaller must be said in the next block (RFC 7541 §4.2), by whoever writes it; and each
// SETTINGS has an ACK of its own, in their order (RFC 9113 §6.5.3).

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  flags,
  frame,
  frameTypes,
  headerFrames,
  preface,
  resetFrame,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { openRig } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";
import { acksOf, is, isSettings, requestFrame, responseFrame } from "./raw-peer.ts";

const delayed: Partial<RuleSpec> = { name: "d", fault: { ...noFault, delay: { type: "fixed", ms: 1 } } };
const mock: Partial<RuleSpec> = {
  name: "m",
  matches: [{ path: { op: "exact", value: "/m" } }],
  respond: replyWith("hi"),
};
const large: Partial<RuleSpec> = {
  name: "large",
  matches: [{ path: { op: "exact", value: "/large" } }],
  respond: replyWith("x".repeat(60_000)),
};

test("header table: claimed calls go on at an upstream that wants none", async () => {
  const answer = (_request: Http2ServerRequest, response: Http2ServerResponse) =>
    response.stream.respond({ ":status": 200 }, { endStream: true });
  const server = createServer({ settings: { headerTableSize: 0 } }, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules: [delayed] });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  const statuses: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const call = client.request({ ":path": `/${i}` });
    const [head] = await once(call.resume(), "response");
    statuses.push(head[":status"], head["content-length"]);
  }
  client.destroy();
  server.close();
  assert.deepEqual(statuses, [200, undefined, 200, undefined, 200, undefined]);
});

test("header table: an upstream hears of the smallest size there was, once", () =>
  between({ rules: [delayed] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([]), requestFrame(1, "/"));
    const server = await upstream();
    server.send(settingsFrame([[1, 64]]), settingsFrame([[1, 4_096]]));
    await server.until(() => acksOf(server).length === 2);
    client.send(requestFrame(3, "/"), requestFrame(5, "/"));
    const next = await server.until(is(frameTypes.headers, 3));
    assert.deepEqual([...(next?.payload.subarray(0, 2) ?? [])], [0x3f, 64 - 31]); // RFC 7541 §6.3
    const last = await server.until(is(frameTypes.headers, 5));
    assert.notEqual((last?.payload[0] ?? 0) & 0xe0, 0x20);
  }));

test("header table: SETTINGS of a client before anybody answers are all acknowledged", () =>
  between({ rules: [mock] }, async ({ client }) => {
    const two = [settingsFrame([[1, 64]]), settingsFrame([[1, 128]])];
    client.send(preface, ...two, requestFrame(1, "/m"));
    await client.until(is(frameTypes.data, 1));
    assert.equal(acksOf(client).length, 2);
  }));

test("header table: ours come before those of the upstream, which answer later SETTINGS", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([[1, 64]]), settingsFrame([[4, 1_000]]), requestFrame(1, "/r"));
    const server = await upstream();
    client.send(settingsFrame([[1, 4_096]]));
    await server.until(() => server.frames.filter(({ type }) => type === frameTypes.settings).length === 2);
    server.send(settingsFrame([]), settingsAck, settingsAck, responseFrame(1));
    await client.until(is(frameTypes.headers, 1));
    assert.deepEqual(
      client.frames.slice(0, 4).map(({ type, flags: bits }) => [type, bits]),
      [
        [frameTypes.settings, 0],
        [frameTypes.settings, flags.ack],
        [frameTypes.settings, flags.ack],
        [frameTypes.settings, flags.ack],
      ],
    );
  }));

test("header table: a size that a block said whose stream the client had given up is not said again", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([]), requestFrame(1, "/r"), requestFrame(3, "/r"));
    const server = await upstream();
    server.send(settingsFrame([]), settingsAck);
    await server.until(is(frameTypes.headers, 3));
    client.send(settingsFrame([[1, 64]]), settingsFrame([[1, 4_096]]), resetFrame(1, errorCodes.cancel));
    await server.until(is(frameTypes.reset, 1));
    const resized = encodeLiterals([[":status", "200"]], 64);
    server.send(settingsAck, settingsAck, headerFrames(1, flags.endStream, resized));
    await client.until(is(frameTypes.headers, 1));
    client.send(requestFrame(5, "/m"));
    const reply = await client.until(is(frameTypes.headers, 5));
    assert.equal(reply?.payload[0], 0x88); // :status 200, and no size before it
  }));

test("header table: a reply that overtakes an ACK, held behind DATA, does not say the size that it allows", () =>
  between({ rules: [large, mock] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([]), requestFrame(1, "/r"));
    const server = await upstream();
    server.send(settingsFrame([]), settingsAck);
    await server.until(is(frameTypes.headers, 1));
    client.send(requestFrame(3, "/large"));
    await client.until(
      ({ type, stream, flags: bits }) => type === frameTypes.data && stream === 3 && bits === 1,
    );
    client.send(settingsFrame([[1, 0]]));
    await server.until(() => server.frames.filter(({ type }) => type === frameTypes.settings).length === 2);
    const head = headerFrames(1, 0, encodeLiterals([[":status", "200"]]));
    const ping = frame(frameTypes.ping, 0, 0, Buffer.alloc(8));
    server.send(head, frame(frameTypes.data, 0, 1, Buffer.alloc(10_000)), settingsAck, ping);
    await client.until(({ type }) => type === frameTypes.ping);
    assert.equal(acksOf(client).length, 1, "the client's window holds the ACK up");
    client.send(requestFrame(5, "/m"));
    const before = await client.until(is(frameTypes.headers, 5));
    assert.equal(before?.payload[0], 0x88); // :status 200, and no size before it
    client.send(windowUpdateFrame(0, 65_535));
    await client.until(() => acksOf(client).length === 2);
    client.send(requestFrame(7, "/m"));
    const behind = await client.until(is(frameTypes.headers, 7));
    assert.equal(behind?.payload[0], 0x20); // RFC 7541 §6.3
  }));

test("header table: a size that is smaller than allowed and larger than it ever was is not said", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([]), requestFrame(1, "/r"));
    const server = await upstream();
    server.send(settingsFrame([]), settingsAck, responseFrame(1, 200, 0x5));
    await client.until(is(frameTypes.headers, 1));
    client.send(settingsFrame([[1, 60_000]]), settingsFrame([[1, 10_000]]));
    await server.until(() => server.frames.filter(isSettings).length === 3);
    server.send(settingsAck, settingsAck);
    await client.until(() => acksOf(client).length === 3);
    client.send(requestFrame(3, "/m"));
    const unsaid = await client.until(is(frameTypes.headers, 3));
    assert.equal(unsaid?.payload[0], 0x88); // the client would take 4,096 for 10,000, and the upstream would not
    client.send(requestFrame(5, "/r"));
    await server.until(is(frameTypes.headers, 5));
    server.send(headerFrames(5, flags.endStream, encodeLiterals([[":status", "200"]], 10_000)));
    await client.until(is(frameTypes.headers, 5));
    client.send(settingsFrame([[1, 4_096]]));
    await server.until(() => server.frames.filter(isSettings).length === 4);
    server.send(settingsAck);
    await client.until(() => acksOf(client).length === 4);
    client.send(requestFrame(7, "/m"));
    const said = await client.until(is(frameTypes.headers, 7));
    assert.deepEqual([...(said?.payload.subarray(0, 3) ?? [])], [0x3f, 0xe1, 0x1f]); // RFC 7541 §6.3: 4,096
  }));

test("header table: a smaller size in between is said behind its ACK, although a block before it went larger", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    const block = (id: number, front: readonly number[]) => {
      const fields = Buffer.from(requestFrame(id, "/r").subarray(9));
      return headerFrames(id, flags.endStream, Buffer.concat([Buffer.from(front), fields]));
    };
    const to64 = [0x3f, 64 - 31]; // RFC 7541 §6.3
    const to10000 = [0x3f, 0xf1, 0x4d];
    client.send(preface, settingsFrame([]), requestFrame(1, "/r"));
    const server = await upstream();
    server.send(settingsFrame([[1, 10_000]]), settingsAck);
    await client.until(isSettings);
    client.send(settingsAck);
    await server.until(() => acksOf(server).length === 1);
    server.send(settingsFrame([[1, 64]]), settingsFrame([[1, 10_000]]));
    await client.until(() => client.frames.filter(isSettings).length === 3);
    client.send(block(3, to10000), settingsAck, settingsAck, block(5, [...to64, ...to10000]));
    const before = await server.until(is(frameTypes.headers, 3));
    assert.deepEqual([...(before?.payload.subarray(0, 3) ?? [])], to10000);
    const behind = await server.until(is(frameTypes.headers, 5));
    assert.deepEqual([...(behind?.payload.subarray(0, 5) ?? [])], [...to64, ...to10000]);
  }));

test("header table: an upstream that is dialled later hears of a size that the client had in between", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([[1, 64]]), requestFrame(1, "/m"));
    await client.until(is(frameTypes.data, 1));
    client.send(settingsFrame([[1, 4_096]]), requestFrame(3, "/r"));
    const server = await upstream();
    await server.until(is(frameTypes.headers, 3));
    const said = server.frames.filter(({ type }) => type === frameTypes.settings);
    assert.deepEqual(
      said.map(({ payload }) => payload.readUInt32BE(2)),
      [64, 4_096],
    );
    server.send(settingsFrame([]), settingsAck, settingsAck, responseFrame(3));
    await client.until(is(frameTypes.headers, 3));
    assert.equal(acksOf(client).length, 2, "the ACKs of the upstream answer us");
  }));
