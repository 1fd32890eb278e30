// A conversation that lasts: ten minutes in manual time, and with UNDERSTUDY_LONG_TESTS=1 a real minute; relayed, and with
// every message changed. What it takes of memory does not grow with its messages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Item, ShopClient } from "../../../../support/grpc-shop.ts";
import { manualClock } from "../../../../support/manual-clock.ts";
import { withShop } from "./rules.ts";

/** Changes each message in both directions of a live stream. */
const changing = `
- name: changed
  matches: [{grpc: {service: shop.v1.Inventory, method: Talk}}]
  patch: {grpc: {request: {tenant: qa}, response: {tags: [changed]}}}
`;
/** Claims another method: the stream is relayed as it is. */
const elsewhere = `
- name: elsewhere
  matches: [{grpc: {service: shop.v1.Inventory, method: Get}}]
  fault: {abort: {grpcStatus: ABORTED}}
`;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that live. */
function heapBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** One message out, its answer back. */
function conversation(client: ShopClient) {
  const talk = client.raw.Talk?.() as ClientDuplexStream<unknown, Item>;
  let heard: (item: Item) => void = () => undefined;
  talk.on("data", (item: Item) => heard(item));
  talk.on("error", () => undefined);
  const status = new Promise<number>((resolve) => talk.on("status", ({ code }) => resolve(code)));
  return {
    say: (sku: string) =>
      new Promise<Item>((resolve) => {
        heard = resolve;
        talk.write({ sku });
      }),
    end() {
      talk.end();
      return status;
    },
  };
}

/** `growthBytes`: what may be left over of buffers and caches that are full by then. */
const growthBytes = 4_000_000;

for (const [name, rule, tags] of [
  ["relayed", elsewhere, ["real"]],
  ["changed", changing, ["changed"]],
] as const) {
  test(`a stream of ten minutes, ${name}: no deadline ends it, no memory grows with it`, async () => {
    const clock = manualClock();
    await withShop(
      rule,
      async ({ client, shop }) => {
        const { say, end } = conversation(client);
        let settled = 0;
        for (let second = 0; second < 600; second++) {
          for (let i = 0; i < 5; i++) assert.deepEqual((await say(`item ${second}`)).tags, tags);
          shop.seen.length = 0;
          await clock.advance(1_000);
          if (second === 200) settled = heapBytes();
        }
        const growth = heapBytes() - settled;
        assert.ok(growth < growthBytes, `it grew by ${growth} bytes over 2000 messages`);
        assert.equal(await end(), 0);
      },
      { clock, deadlines: { bodyIdleMs: 10_000, ruleBodyMs: 100, headMs: 1_000, responseMs: 5_000 } },
    );
  });

  // Where it is asked for, as continuous integration does: everybody else would wait for minutes.
  if (process.env.UNDERSTUDY_LONG_TESTS !== "1") continue;
  test(`a stream of a real minute, ${name}`, { timeout: 90_000 }, async (context) => {
    await withShop(rule, async ({ client, shop }) => {
      const { say, end } = conversation(client);
      const startedAt = performance.now();
      let settled = 0;
      let messages = 0;
      while (performance.now() - startedAt < 60_000) {
        await say(`item ${messages++}`);
        shop.seen.length = 0;
        if (settled === 0 && performance.now() - startedAt > 10_000) settled = heapBytes();
      }
      const growth = heapBytes() - settled;
      context.diagnostic(`${messages} messages in a minute, ${growth} bytes more at its end than after 10 s`);
      assert.ok(growth < growthBytes, `it grew by ${growth} bytes`);
      assert.equal(await end(), 0);
    });
  });
}
