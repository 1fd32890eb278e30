// An upstream that leaves while replies of ours keep the connection: its calls end at once, and the client is sent to a
// new connection for the next ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { errorCodes, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { hello, is, type RawPeer, requestFrame, serverHello } from "./raw-peer.ts";

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
