// Calls that are still open when a sidecar ends: the log says that it was us who cut them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { HostPort } from "../../src/core/address.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { CallEvent, TapEvent } from "../../src/core/tap.ts";
import { startSidecar } from "../../src/sidecar/sidecar.ts";
import { openServer } from "../support/rig.ts";

const loopback = { host: "127.0.0.1", port: 0 };
const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";

/** A sidecar before one upstream, and the calls that it told. */
async function openSidecar(t: TestContext, to: HostPort, drainMs: number, rules: string | null) {
  const events: TapEvent[] = [];
  const mode = { kind: "fixed", to, direction: "outbound" } as const;
  const sidecar = await startSidecar(
    {
      settings: { ...defaultSettings, deadlines: { ...defaultSettings.deadlines, drainMs } },
      listeners: [{ kind: "bind", address: loopback, mode }],
      admin: null,
      rules,
      whenRulesAreBad: "refuse",
      taps: [{ observe: (event) => void events.push(event) }],
    },
    { clock: systemClock, random: systemRandom },
  );
  t.after(() => sidecar.close());
  const calls = () => events.filter((event): event is CallEvent => event.kind === "call");
  return { sidecar, calls };
}

/** A sidecar with one call under way, whose reply has begun. */
async function withOpenCall(t: TestContext, drainMs: number) {
  const upstream = await openServer((socket) => socket.on("error", () => undefined).write(head));
  t.after(() => upstream[Symbol.asyncDispose]());
  const { sidecar, calls } = await openSidecar(t, upstream.address, drainMs, null);
  const request = get({ port: sidecar.addresses[0]?.port, agent: false });
  request.on("error", () => undefined);
  const [response] = await once(request, "response");
  response.on("error", () => undefined).resume();
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

function rulesIn(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "understudy-drain-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const rules = join(folder, "rules.yaml");
  writeFileSync(
    rules,
    `version: 1\nrules:\n  - name: first\n    matches: [{path: /1}]\n    respond: {status: 204}\n${text}`,
  );
  return rules;
}

/** Two calls in one piece, of which the first is answered. */
async function askTwice(port = 0) {
  const client = connect(port, "127.0.0.1");
  client.on("error", () => undefined);
  client.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(client, "data");
  return client;
}

test("drain: a call that a mock makes wait to its end is told as cut by us", async (t) => {
  const rules = rulesIn(t, "  - name: slow\n    respond: {body: late, delay: 10m}\n");
  const { sidecar, calls } = await openSidecar(t, { port: 9, host: "127.0.0.1" }, 10, rules);
  await askTwice(sidecar.addresses[0]?.port);
  await sidecar.drain();
  const told = calls().find(({ path }) => path === "/2");
  assert.partialDeepStrictEqual(told, { outcome: "failed", rule: "slow", status: 0 });
  assert.equal(told?.flags.at(-1), "LR");
  assert.equal(told?.detail, "cut: still open at the end of the drain");
});

for (const [what, does, expected] of [
  ["a delayed call goes on", "fault: {delay: 10m}", { outcome: "relayed", status: 200 }],
  [
    "a delayed mock answers",
    "respond: {body: late}\n    fault: {delay: 10m}",
    { outcome: "mocked", status: 200 },
  ],
  ["a call that hangs is cut", "fault: {abort: hang}", { outcome: "aborted", status: 0 }],
] as const)
  test(`drain: faults that are under way end with its beginning: ${what}`, async (t) => {
    const upstream = await openServer((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal")),
    );
    t.after(() => upstream[Symbol.asyncDispose]());
    const rules = rulesIn(t, `  - name: slow\n    ${does}\n`);
    const { sidecar, calls } = await openSidecar(t, upstream.address, 600_000, rules);
    const client = await askTwice(sidecar.addresses[0]?.port);
    client.resume().on("end", () => client.end());
    await sidecar.drain();
    assert.partialDeepStrictEqual(
      calls().find(({ path }) => path === "/2"),
      { ...expected, rule: "slow" },
    );
  });
