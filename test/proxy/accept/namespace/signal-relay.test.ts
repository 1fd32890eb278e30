// Signals: what the group received is not delivered twice.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSignalRelay } from "../../../../src/proxy/accept/namespace/signal-relay.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function scene() {
  const clock = manualClock();
  const delivered: string[] = [];
  return { clock, delivered, relay: createSignalRelay(clock, (signal) => delivered.push(signal)) };
}

describe("signal relay", () => {
  test("a signal to the sidecar alone is delivered, after the group had its chance", async () => {
    const { clock, delivered, relay } = scene();
    relay.reported("SIGINT");
    await clock.advance(29);
    assert.deepEqual(delivered, []);
    await clock.advance(1);
    assert.deepEqual(delivered, ["SIGINT"]);
  });

  test("a signal to the group is not, whoever hears of it first", async () => {
    const { clock, delivered, relay } = scene();
    relay.witnessed("SIGINT");
    relay.reported("SIGINT");
    relay.reported("SIGHUP");
    relay.witnessed("SIGHUP");
    await clock.advance(100);
    assert.deepEqual(delivered, []);
  });

  test("what was witnessed long ago excuses nothing", async () => {
    const { clock, delivered, relay } = scene();
    relay.witnessed("SIGTERM");
    await clock.advance(1_000);
    relay.reported("SIGTERM");
    await clock.advance(30);
    assert.deepEqual(delivered, ["SIGTERM"]);
  });
});
