// DATA of the upstream that waits, because replies of ours have used the client's window: it goes as soon as the client takes
// it, however it comes.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  frame,
  frameTypes,
  preface,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { between, type Pair } from "../../../conformance/http2/pair.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { dataFrame, is, isSettings, type RawPeer, requestFrame, responseFrame } from "./raw-peer.ts";

const large: Partial<RuleSpec> = {
  name: "large",
  matches: [{ path: { op: "exact", value: "/large" } }],
  respond: replyWith("x".repeat(1_100_000)),
};
const ping = frame(frameTypes.ping, 0, 0, Buffer.alloc(8));

const halves = [
  ["a small frame", 10_000],
  ["a frame larger than what is held of the upstream", 600_000],
] as const;

for (const [what, bytes] of halves) {
  test(`held data: ${what} that is half there when the client's window opens goes on`, () =>
    between({ rules: [large] }, async (pair) => {
      const { client } = pair;
      const server = await useUpWindow(pair);
      const held = dataFrame(1, Buffer.alloc(bytes), 1);
      server.send(ping, held.subarray(0, bytes / 2));
      await client.until(is(frameTypes.ping, 0));
      client.send(windowUpdateFrame(3, 200_000), windowUpdateFrame(0, 1_000_000), settingsFrame([]));
      await server.until(() => server.frames.filter(isSettings).length === 2);
      server.send(held.subarray(bytes / 2));
      assert.equal((await client.until(is(frameTypes.data, 1)))?.payload.length, bytes);
      await client.until(() => mockedTo(client) === 1_100_000);
    }));
}

test("held data: half a frame of an upstream that has left goes nowhere, and keeps nobody waiting", () =>
  between({ rules: [large] }, async (pair) => {
    const { client } = pair;
    const server = await useUpWindow(pair);
    server.socket.end(dataFrame(1, Buffer.alloc(10_000)).subarray(0, 5_000));
    assert.equal(await client.resetCode(1), errorCodes.internal);
    client.send(windowUpdateFrame(3, 200_000), windowUpdateFrame(0, 1_000_000));
    await client.until(() => false);
    assert.equal(client.ended, "fin");
    assert.equal(mockedTo(client), 1_100_000);
    assert.equal(client.frames.find(is(frameTypes.data, 1)), undefined);
  }));

/** Has stream 1 relayed as far as its head, and stream 3 answered as far as the client's window reaches. */
async function useUpWindow({ client, upstream }: Pair): Promise<RawPeer> {
  const settings = settingsFrame([
    [4, 1_000_000],
    [5, 1_000_000],
  ]);
  client.send(preface, settings, requestFrame(1, "/r"));
  const server = await upstream();
  server.send(settingsFrame([]), settingsAck, responseFrame(1));
  client.send(windowUpdateFrame(0, 1_000_000 - 65_535));
  await server.until(is(frameTypes.windowUpdate, 0));
  client.send(requestFrame(3, "/large"));
  await client.until(() => mockedTo(client) === 1_000_000);
  return server;
}

function mockedTo(client: RawPeer): number {
  return client.frames.filter(is(frameTypes.data, 3)).reduce((sum, { payload }) => sum + payload.length, 0);
}
