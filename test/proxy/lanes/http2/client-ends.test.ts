// A client that ends its side inside a request that is answered here: its connection lasts as long as the reply, and no longer.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { dataFrame, hello, is, isSettings, requestFrame } from "./raw-peer.ts";

const mock: Partial<RuleSpec> = {
  name: "m",
  matches: [{ path: { op: "exact", value: "/m" } }],
  respond: replyWith("hi"),
};
const slow: Partial<RuleSpec> = {
  name: "slow",
  matches: [{ path: { op: "exact", value: "/slow" } }],
  respond: replyWith("late", { delay: { type: "fixed", ms: 60_000 } }),
};
const endHeaders = 4;

test("client ends: inside a request whose mock is answered, its connection is closed", () =>
  between({ rules: [mock] }, async ({ client, rig }) => {
    client.send(hello, requestFrame(1, "/m", [], endHeaders), dataFrame(1, Buffer.from("half")));
    await client.until(is(frameTypes.data, 1));
    client.socket.end();
    await client.until(() => false);
    assert.equal(client.ended, "fin");
    client.socket.destroy();
    while (rig.active > 0) await new Promise((resolve) => setImmediate(resolve));
  }));

test("client ends: inside a request whose mock is still to come, it gets that, and its connection is closed", async () => {
  const clock = manualClock();
  await between({ rules: [slow], clock }, async ({ client }) => {
    client.send(hello, requestFrame(1, "/slow", [], endHeaders), dataFrame(1, Buffer.from("half")));
    await client.until(isSettings);
    client.socket.end();
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
    assert.equal(String((await client.until(is(frameTypes.data, 1)))?.payload), "late");
    await client.until(() => false);
    assert.equal(client.ended, "fin");
  });
});
