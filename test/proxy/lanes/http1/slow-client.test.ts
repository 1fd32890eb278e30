// A client that takes its response slowly gets all of it; one that takes nothing is let go. However the call is served.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Clock } from "../../../../src/core/clock.ts";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { openRig, openServer } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

/** More than all buffers on the way hold. */
const bodyBytes = 24_000_000;
const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

const roads: readonly { readonly name: string; readonly rules: readonly Partial<RuleSpec>[] }[] = [
  { name: "relayed", rules: [] },
  {
    name: "relayed for a rule",
    rules: [{ fault: { ...noFault, slice: { bytes: 500_000, delayMs: 0 } } }],
  },
  { name: "mocked", rules: [{ respond: replyWith("x".repeat(bodyBytes)) }] },
];

async function open(rules: readonly Partial<RuleSpec>[], responseMs: number, clock?: Clock) {
  const upstream = await openServer((socket) => {
    socket.once("data", () => {
      socket.write(head);
      socket.write(Buffer.alloc(bodyBytes));
    });
  });
  const deadlines = { responseMs, hangMs: responseMs, idleMs: responseMs };
  const timing = clock ? { clock, tickMs: 50 } : { tickMs: 20 };
  const rig = await openRig({ upstream: upstream.address, rules, deadlines, ...timing });
  return {
    rig,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

for (const { name, rules } of roads) {
  test(`slow client: what is ${name} is cut where the client takes nothing of it`, async () => {
    await using stalled = await open(rules, 500);
    const client = await stalled.rig.connect();
    client.pause();
    client.write(request);
    const event = await stalled.rig.event(({ kind }) => kind === "call");
    client.destroy();
    assert.partialDeepStrictEqual(event, { outcome: "failed", flags: ["SI"] });
  });

  test(`slow client: what is ${name} lasts as long as the client goes on taking it`, async () => {
    const clock = manualClock();
    const responseMs = 8_000; // a quarter of the body lies in buffers, which are taken before anything moves behind them
    await using slow = await open(rules, responseMs, clock);
    const client = await slow.rig.connect();
    let left = bodyBytes;
    const whole = new Promise<void>((resolve) => {
      client.on("data", (chunk) => {
        client.pause();
        const headEnd = left === bodyBytes ? chunk.indexOf("\r\n\r\n") + 4 : 0;
        left -= chunk.length - headEnd;
        if (left === 0) resolve();
        void clock.advance(chunk.length / 1_000).then(() => client.resume()); // a megabyte a second
      });
    });
    client.write(request);
    await Promise.race([whole, once(client, "close")]);
    assert.equal(left, 0);
    assert.ok(clock.now() > 2 * responseMs);
    client.destroy();
  });
}
