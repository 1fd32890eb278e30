// Calls that are still open when a sidecar ends: the log says that it was us who cut them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { CallEvent, TapEvent } from "../../src/core/tap.ts";
import { startSidecar } from "../../src/sidecar/sidecar.ts";
import { openServer } from "../support/rig.ts";

const loopback = { host: "127.0.0.1", port: 0 };
const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";

/** A sidecar with one call under way, whose reply has begun. */
async function withOpenCall(t: TestContext, drainMs: number) {
  const upstream = await openServer((socket) => socket.on("error", () => undefined).write(head));
  t.after(() => upstream[Symbol.asyncDispose]());
  const events: TapEvent[] = [];
  const mode = { kind: "fixed", to: upstream.address, direction: "outbound" } as const;
  const sidecar = await startSidecar(
    {
      settings: { ...defaultSettings, deadlines: { ...defaultSettings.deadlines, drainMs } },
      listeners: [{ kind: "bind", address: loopback, mode }],
      admin: null,
      rules: null,
      whenRulesAreBad: "refuse",
      taps: [{ observe: (event) => void events.push(event) }],
    },
    { clock: systemClock, random: systemRandom },
  );
  t.after(() => sidecar.close());
  const request = get({ port: sidecar.addresses[0]?.port, agent: false });
  request.on("error", () => undefined);
  const [response] = await once(request, "response");
  response.on("error", () => undefined).resume();
  const calls = () => events.filter((event): event is CallEvent => event.kind === "call");
  return { sidecar, request, calls };
}

test("drain: a call that is cut at its end is told as cut by us, and not as a client that left", async (t) => {
  const { sidecar, calls } = await withOpenCall(t, 10);
  await sidecar.drain();
  assert.deepEqual(
    calls().map(({ outcome, flags, detail, status }) => ({ outcome, flags, detail, status })),
    [{ outcome: "failed", flags: ["LR"], detail: "cut: still open at the end of the drain", status: 200 }],
  );
});

test("drain: a client that leaves before its end is told as one that left", async (t) => {
  const { sidecar, request, calls } = await withOpenCall(t, 30_000);
  const drained = sidecar.drain();
  request.socket?.resetAndDestroy();
  await drained;
  assert.deepEqual(
    calls().map(({ flags }) => flags),
    [["DC"]],
  );
});

test("close: what is open is told as cut by us, too", async (t) => {
  const { sidecar, calls } = await withOpenCall(t, 30_000);
  await sidecar.close();
  assert.deepEqual(
    calls().map(({ flags, detail }) => [flags, detail]),
    [[["LR"], "cut: the sidecar has ended"]],
  );
});
