// What crosses on the way: a peer that has not heard of something yet, and goes by what held before, is in its right
// (RFC 9113 §5.1, §6.5.3, §6.9.2).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  frameTypes,
  preface,
  resetFrame,
  settingsAck,
  settingsFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { dataFrame, hello, is, isSettings, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const initialWindow = 4;
const maxFrame = 5;
const endHeaders = 4;
const mock: Partial<RuleSpec> = {
  name: "m",
  matches: [{ path: { op: "exact", value: "/m" } }],
  respond: replyWith("hi"),
};

test("crossing: trailers of a stream that the upstream has reset meanwhile do no harm", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r", [], endHeaders));
    const server = await upstream();
    server.send(serverHello);
    await server.until(is(frameTypes.headers, 1));
    server.send(resetFrame(1, errorCodes.cancel));
    assert.equal(await client.resetCode(1), errorCodes.cancel);
    client.send(dataFrame(1, Buffer.from("x")), requestFrame(1, "/", [], 5), requestFrame(3, "/r"));
    assert.ok(await server.until(is(frameTypes.headers, 3)));
    assert.equal(client.ended, "open");
    const credit = await client.until(is(frameTypes.windowUpdate, 0));
    assert.equal(credit?.payload.readUInt32BE(), 1);
  }));

test("crossing: an upload to a mock may fill the window that the upstream has just made smaller", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(settingsFrame([[initialWindow, 1_000]]), settingsAck);
    await client.until(isSettings);
    const piece = Buffer.alloc(10_000);
    client.send(requestFrame(3, "/m", [], endHeaders), dataFrame(3, piece), dataFrame(3, piece, 1));
    client.send(requestFrame(5, "/r"));
    assert.ok(await server.until(is(frameTypes.headers, 5)));
    assert.equal(client.ended, "open");
  }));

test("crossing: a frame may have the size that the upstream has just lowered, until the client acknowledges", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r", [], endHeaders));
    const server = await upstream();
    server.send(settingsFrame([[maxFrame, 32_768]]), settingsAck);
    await client.until(isSettings);
    client.send(settingsAck);
    server.send(settingsFrame([[maxFrame, 16_384]]));
    await client.until(() => client.frames.filter(isSettings).length === 2);
    client.send(dataFrame(1, Buffer.alloc(30_000)));
    assert.equal((await server.until(is(frameTypes.data, 1)))?.payload.length, 30_000);
    client.send(settingsAck, dataFrame(1, Buffer.alloc(16_385)));
    assert.equal(await client.goAwayCode(), errorCodes.frameSize);
  }));

test("crossing: a frame may have the size that the client has just lowered, until the upstream acknowledges", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(preface, settingsFrame([[maxFrame, 32_768]]), requestFrame(1, "/r"));
    const server = await upstream();
    server.send(serverHello);
    await client.until(isSettings);
    client.send(settingsFrame([[maxFrame, 16_384]]));
    await server.until(() => server.frames.filter(isSettings).length === 2);
    server.send(responseFrame(1), dataFrame(1, Buffer.alloc(30_000)));
    assert.equal((await client.until(is(frameTypes.data, 1)))?.payload.length, 30_000);
    server.send(settingsAck, dataFrame(1, Buffer.alloc(16_385)));
    assert.equal(await server.goAwayCode(), errorCodes.frameSize);
  }));

test("crossing: an upload that is answered here has a window where the upstream grants none of itself", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(settingsFrame([[initialWindow, 0]]), settingsAck);
    await client.until(isSettings);
    client.send(settingsAck, requestFrame(3, "/m", [], endHeaders));
    const credit = await client.until(is(frameTypes.windowUpdate, 3));
    assert.equal(credit?.payload.readUInt32BE(), 65_535);
  }));

test("crossing: an upload that is answered here keeps its window where the upstream takes it away", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"), requestFrame(3, "/m", [], endHeaders));
    const server = await upstream();
    await client.until(is(frameTypes.headers, 3));
    server.send(serverHello, settingsFrame([[initialWindow, 1_000]]));
    const credit = await client.until(is(frameTypes.windowUpdate, 3));
    assert.equal(credit?.payload.readUInt32BE(), 64_535);
    assert.ok(
      client.frames.findIndex(is(frameTypes.windowUpdate, 3)) > client.frames.findLastIndex(isSettings),
    );
  }));
