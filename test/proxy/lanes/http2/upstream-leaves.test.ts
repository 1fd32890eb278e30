// An upstream that leaves while replies of ours keep the connection: its calls end at once, and the client is sent to a
// new connection for the next ones.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  frameTypes,
  maxWindowBytes,
  preface,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { freePort } from "../../../support/free-port.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { openRig, openServer } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import {
  acksOf,
  dataFrame,
  hello,
  is,
  isSettings,
  RawPeer,
  requestFrame,
  responseFrame,
  serverHello,
} from "./raw-peer.ts";

const slow: Partial<RuleSpec> = {
  name: "slow",
  matches: [{ path: { op: "exact", value: "/slow" } }],
  respond: replyWith("late", { delay: { type: "fixed", ms: 60_000 } }),
};

const departures: readonly (readonly [how: string, leave: (upstream: RawPeer) => void])[] = [
  ["ends", (upstream) => void upstream.socket.end()],
  ["resets", (upstream) => void upstream.socket.resetAndDestroy()],
];

for (const [how, leave] of departures) {
  test(`upstream leaves: where it ${how} beside a slow mock, its calls fail at once and the mock is answered`, async () => {
    const clock = manualClock();
    await between({ rules: [slow], clock }, async ({ client, upstream }) => {
      client.send(hello, requestFrame(1, "/r"), requestFrame(3, "/slow"));
      const server = await upstream();
      server.send(serverHello);
      await server.until(is(frameTypes.headers, 1));
      leave(server);
      assert.equal(await client.resetCode(1), errorCodes.internal);
      assert.equal(await client.goAwayCode(), errorCodes.none);
      client.send(requestFrame(5, "/r"));
      assert.equal(await client.resetCode(5), errorCodes.refusedStream);
      await clock.advance(60_000);
      assert.ok(await client.until(is(frameTypes.data, 3)));
      await client.until(() => false);
      assert.equal(client.ended, "fin");
    });
  });
}

test("upstream leaves: SETTINGS that it has not acknowledged are acknowledged in its place (RFC 9113 §6.5.3)", () =>
  between({ rules: [slow] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"), requestFrame(3, "/slow"));
    const server = await upstream();
    server.send(serverHello);
    await client.until(() => acksOf(client).length === 1);
    client.send(settingsFrame([[4, 1_000]]), settingsFrame([[4, 2_000]]));
    await server.until(() => server.frames.filter(isSettings).length === 3);
    server.send(settingsAck);
    await client.until(() => acksOf(client).length === 2);
    server.socket.end();
    await client.goAwayCode();
    assert.equal(acksOf(client).length, 3);
  }));

test("upstream leaves: one that never came leaves no ACK owing, and the next one is not taken to answer for it", async () => {
  const port = await freePort();
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules: [slow] });
  const socket = await rig.connect();
  const client = new RawPeer(socket);
  client.send(hello, requestFrame(1, "/slow"), requestFrame(3, "/r"), settingsFrame([[4, 1_000]]));
  assert.equal(await client.resetCode(3), errorCodes.refusedStream);
  await client.until(() => acksOf(client).length === 2);
  const answer = (peer: Socket): void =>
    new RawPeer(peer, preface.length).send(settingsFrame([]), settingsAck, responseFrame(5, 200, 0x5));
  await using _ = await openServer(answer, port);
  client.send(requestFrame(5, "/r"));
  await client.until(is(frameTypes.headers, 5));
  assert.equal(acksOf(client).length, 2);
  socket.destroy();
});

test("upstream leaves: a client that waited for it to take an upload is read again", () =>
  between({ rules: [slow] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/slow"), requestFrame(3, "/r", [], 4));
    const server = await upstream();
    const initialWindow = settingsFrame([[4, maxWindowBytes]]);
    server.send(initialWindow, settingsAck, windowUpdateFrame(0, maxWindowBytes - 65_535));
    await server.until(is(frameTypes.headers, 3));
    await client.until(isSettings);
    server.socket.pause();
    const piece = Buffer.alloc(16_384);
    while (client.socket.write(dataFrame(3, piece)) || !(await isStuck(client))) {
      // until nobody on the way takes any more
    }
    server.socket.resetAndDestroy();
    client.send(requestFrame(5, "/r"));
    assert.equal(await client.resetCode(5), errorCodes.refusedStream);
  }));

/** Whether what was written stays where it is for many turns of the event loop. */
async function isStuck({ socket }: RawPeer): Promise<boolean> {
  let left = socket.writableLength;
  for (let still = 0; left > 0 && still < 500; still++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (socket.writableLength === left) continue;
    left = socket.writableLength;
    still = 0;
  }
  return left > 0;
}
