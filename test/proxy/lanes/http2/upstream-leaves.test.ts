// An upstream that leaves while replies of ours keep the connection: its calls end at once, and the client is sent to a
// new connection for the next ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import {
  errorCodes,
  frameTypes,
  maxWindowBytes,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { dataFrame, hello, is, isSettings, type RawPeer, requestFrame, serverHello } from "./raw-peer.ts";

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
