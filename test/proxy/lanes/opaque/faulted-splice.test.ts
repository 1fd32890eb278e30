// Raw connections under a fault of their bytes end as they would without it: FIN for FIN, behind the last byte, and never
// later than their deadline.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { type ManualClock, manualClock } from "../../../support/manual-clock.ts";
import {
  drainSocket,
  openRig,
  openServer,
  type Rig,
  type RigOptions,
  readUntil,
} from "../../../support/rig.ts";
import { noFault } from "../../../support/rule-spec.ts";

function faultedRig(port: number, fault: Partial<typeof noFault>, options: RigOptions = {}) {
  return openRig({
    upstream: { host: "127.0.0.1", port },
    portHints: new Map([[port, "opaque"]]),
    rules: [{ name: "raw", fault: { ...noFault, ...fault } }],
    ...options,
  });
}

/** The rule's delay is over, if only of no time. */
async function begun(rig: Rig, clock: ManualClock): Promise<void> {
  await rig.event(({ kind }) => kind === "connection-opened");
  await clock.advance(0);
}

test("faulted splice: the upload arrives whole, and its FIN, where the upstream has ended before", async () => {
  const size = 1_000_000;
  const sockets: Socket[] = [];
  await using upstream = await openServer((socket) => {
    socket.end("served");
    sockets.push(socket);
  });
  const rate = 1_000_000_000;
  for (const fault of [
    { slice: { bytes: 1_000, delayMs: 0 } },
    { throttle: { upBytesPerSecond: rate, downBytesPerSecond: null } },
  ]) {
    await using rig = await faultedRig(upstream.address.port, fault);
    const client = await rig.connect();
    assert.equal((await drainSocket(client)).bytes.toString(), "served");
    client.end(Buffer.alloc(size, 7));
    await rig.event(({ kind }) => kind === "connection-closed"); // so that all of it is under way
    const socket = sockets.pop();
    assert.ok(socket);
    const { bytes, reset } = await drainSocket(socket);
    assert.deepEqual([bytes.length, reset], [size, false]);
    assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), {
      upBytes: size,
      downBytes: 6,
      flags: ["FI"],
    });
  }
});

test("faulted splice: what is slowed on its way up arrives though the client has left in good order", async () => {
  const clock = manualClock();
  const heard: Promise<{ bytes: Buffer; reset: boolean }>[] = [];
  await using upstream = await openServer((socket) => {
    heard.push(drainSocket(socket));
    socket.end("served");
  });
  await using rig = await faultedRig(
    upstream.address.port,
    { throttle: { upBytesPerSecond: 50, downBytesPerSecond: null } },
    { clock },
  );
  const client = await rig.connect();
  const end = drainSocket(client);
  await begun(rig, clock);
  client.end("0123456789");
  await end;
  await rig.event(({ kind }) => kind === "connection-closed");
  for (let byte = 0; byte < 10; byte++) await clock.advance(20);
  const { bytes, reset } = (await heard[0]) ?? {};
  assert.deepEqual([bytes?.toString(), reset], ["0123456789", false]);
});

test("faulted splice: a client that resets is told of, and its upstream is reset", async () => {
  const ends: Promise<{ reset: boolean }>[] = [];
  await using upstream = await openServer((socket) => {
    socket.write("hello");
    ends.push(drainSocket(socket));
  });
  await using rig = await faultedRig(upstream.address.port, { slice: { bytes: 2, delayMs: 0 } });
  const client = await rig.connect();
  await readUntil(client, "hello");
  client.resetAndDestroy();
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), { flags: ["FI", "DC"] });
  assert.equal((await ends[0])?.reset, true);
});

test("faulted splice: a connection that says nothing ends at its deadline", async () => {
  const clock = manualClock();
  await using upstream = await openServer((socket) => socket.write("hello"));
  await using rig = await faultedRig(
    upstream.address.port,
    { slice: { bytes: 100, delayMs: 0 } },
    { clock, deadlines: { opaqueIdleMs: 1_000 } },
  );
  const client = await rig.connect();
  await begun(rig, clock);
  await readUntil(client, "hello");
  await clock.advance(900);
  assert.equal(rig.active, 1);
  await clock.advance(200);
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), {
    flags: ["FI", "SI"],
    detail: "no byte in either direction for 1000 ms",
  });
  client.destroy();
});

test("faulted connection: abort close ends by FIN though the client's words were not read", async () => {
  await using upstream = await openServer((socket) => socket.resume());
  await using rig = await faultedRig(upstream.address.port, {
    delay: { type: "fixed", ms: 20 },
    abort: { kind: "close" },
  });
  const client = await rig.connect();
  client.write("\0hello");
  assert.deepEqual(await drainSocket(client), { bytes: Buffer.alloc(0), reset: false });
  client.end();
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), {
    outcome: "aborted",
    flags: ["DI", "FI"],
  });
});
