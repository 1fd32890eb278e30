// Bytes that are not parsed: half-close, backpressure, resets, detection deadline, faults; over real sockets.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TapEvent } from "../../../../src/core/tap.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { connectTo, drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

const echo = () =>
  openServer((socket) => {
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end("bye"));
  });

test("opaque: bytes of both directions arrive unchanged, and so does each half-close", async () => {
  await using upstream = await echo();
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  client.write(Buffer.from([0, 1, 2, 255]));
  await readUntil(client, "\xff");
  const rest = drainSocket(client);
  client.end("more");
  assert.deepEqual((await rest).bytes.toString(), "morebye");
  const event = await rig.event((found) => found.kind === "opaque");
  assert.partialDeepStrictEqual(event, {
    protocol: "tcp",
    upBytes: 8,
    downBytes: 11,
    flags: [],
    outcome: "relayed",
  });
});

test("opaque: a server that speaks first is heard after the detection deadline, and the wait is told", async () => {
  await using upstream = await openServer((socket) => socket.write("220 ready"));
  await using rig = await openRig({ upstream: upstream.address, deadlines: { detectMs: 20 } });
  const client = await rig.connect();
  await readUntil(client, "220 ready");
  assert.equal(rig.events.filter(({ kind }) => kind === "detection-timeout").length, 1);
  client.destroy();
});

test("opaque: a client that finds its words late is understood, as long as the server has not spoken", async () => {
  const heard: string[] = [];
  let opened = 0;
  await using upstream = await openServer((socket) => {
    opened++;
    socket.on("data", (chunk) => {
      heard.push(chunk.toString("latin1"));
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal");
    });
    socket.on("end", () => socket.end());
  });
  const clock = manualClock();
  await using rig = await openRig({
    upstream: upstream.address,
    clock,
    rules: [
      { name: "paid", matches: [{ path: { op: "exact", value: "/pay" } }], respond: replyWith("mocked") },
    ],
  });
  const seen = (kind: TapEvent["kind"]) => rig.events.filter((event) => event.kind === kind).length;
  const late = async (words: string) => {
    const [opened, silent] = [seen("connection-opened"), seen("detection-timeout")];
    const client = await rig.connect();
    await rig.event(() => seen("connection-opened") > opened);
    await clock.advance(300);
    assert.equal(seen("detection-timeout"), silent + 1);
    client.write(words);
    return client;
  };
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

  const mocked = await late(request("/pay"));
  await readUntil(mocked, "mocked");
  assert.deepEqual(heard, []);
  mocked.write(request("/cart"));
  await readUntil(mocked, "real");
  assert.deepEqual(heard.splice(0), [request("/cart")]);

  const bitByBit = await late("G");
  bitByBit.write(request("/pay").slice(1));
  await readUntil(bitByBit, "mocked");

  opened = 0;
  const opaque = await late("\0\u0001");
  await readUntil(opaque, "real");
  assert.deepEqual(heard, ["\0\u0001"]);
  assert.equal(opened, 1, "what was dialled for it is used");
  for (const client of [mocked, bitByBit, opaque]) client.destroy();
  const outcomes = rig.events.flatMap((event) => (event.kind === "call" ? [event.outcome] : []));
  assert.deepEqual(outcomes, ["mocked", "relayed", "mocked"]);
});

test("opaque: where the server has spoken first, what the client says is relayed", async () => {
  await using upstream = await openServer((socket) => {
    socket.write("220 ready");
    socket.on("data", (chunk) => socket.write(`heard ${chunk}`));
  });
  await using rig = await openRig({
    upstream: upstream.address,
    deadlines: { detectMs: 20 },
    rules: [{ name: "all", respond: replyWith("mocked") }],
  });
  const client = await rig.connect();
  await readUntil(client, "220 ready");
  client.write("GET / HTTP/1.1\r\n");
  await readUntil(client, "heard GET /");
  client.destroy();
});

test("opaque: a port hint spares the wait", async () => {
  await using upstream = await openServer((socket) => socket.write("220 ready"));
  const portHints = new Map([[upstream.address.port, "opaque" as const]]);
  await using rig = await openRig({
    upstream: upstream.address,
    deadlines: { detectMs: 600_000 },
    portHints,
  });
  const client = await rig.connect();
  await readUntil(client, "220 ready");
  client.destroy();
});

test("opaque: a host that is named so may speak the sloppiest HTTP", async () => {
  await using upstream = await echo();
  await using rig = await openRig({ upstream: upstream.address, opaqueHosts: ["sloppy.local"] });
  const client = await rig.connect();
  const request = "GET /a b HTTP/1.1\nHost: sloppy.local\n\n";
  client.write(request);
  await readUntil(client, request);
  client.destroy();
});

test("opaque: 20 MB pass to a reader that starts late", async () => {
  const size = 20_000_000;
  await using upstream = await openServer((socket) => {
    const chunk = Buffer.alloc(1_000_000, 7);
    let left = size;
    const more = () => {
      while (left > 0 && socket.write(chunk)) left -= chunk.length;
      if (left > 0) {
        left -= chunk.length;
        socket.once("drain", more);
      } else socket.end();
    };
    more();
    socket.resume();
  });
  const portHints = new Map([[upstream.address.port, "opaque" as const]]);
  await using rig = await openRig({ upstream: upstream.address, portHints });
  const client = await rig.connect();
  client.pause();
  let got = 0;
  for await (const chunk of client) got += (chunk as Buffer).length;
  assert.ok(got >= size, `${got} bytes`);
});

test("opaque: a reset of either side reaches the other", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", (chunk) =>
      chunk.toString() === "die" ? socket.resetAndDestroy() : socket.write("up"),
    );
  });
  await using rig = await openRig({
    upstream: upstream.address,
    portHints: new Map([[upstream.address.port, "opaque"]]),
  });
  const first = await rig.connect();
  first.write("die");
  assert.equal((await drainSocket(first)).reset, true);
  assert.partialDeepStrictEqual(await rig.event((event) => event.kind === "opaque"), { flags: ["UC"] });
  const second = await rig.connect();
  second.write("live");
  await readUntil(second, "up");
  second.resetAndDestroy();
  const event = await rig.event((found) => found.kind === "opaque" && found.flags.includes("DC"));
  assert.partialDeepStrictEqual(event, { outcome: "relayed" });
});

test("opaque: rules without HTTP keys reset, cut, delay and slow raw connections", async () => {
  await using upstream = await echo();
  const rig = (fault: Partial<typeof noFault>) =>
    openRig({
      upstream: upstream.address,
      portHints: new Map([[upstream.address.port, "opaque"]]),
      rules: [{ name: "raw", fault: { ...noFault, ...fault } }],
    });
  {
    await using resets = await rig({ abort: { kind: "reset" } });
    assert.equal((await drainSocket(await resets.connect())).reset, true);
    assert.partialDeepStrictEqual(await resets.event(({ kind }) => kind === "opaque"), {
      rule: "raw",
      outcome: "aborted",
      flags: ["FI"],
    });
  }
  {
    await using cuts = await rig({ truncate: { afterBytes: 3 } });
    const client = await cuts.connect();
    client.write("abcdef");
    assert.equal((await drainSocket(client)).bytes.toString(), "abc");
  }
  {
    await using slow = await rig({
      delay: { type: "fixed", ms: 5 },
      throttle: { upBytesPerSecond: 1_000_000, downBytesPerSecond: 1_000_000 },
    });
    const client = await slow.connect();
    const all = drainSocket(client);
    client.end("x".repeat(50_000));
    assert.equal((await all).bytes.length, 50_003);
    assert.partialDeepStrictEqual(await slow.event(({ kind }) => kind === "opaque"), {
      rule: "raw",
      flags: ["DI", "FI"],
    });
  }
});

test("opaque: an upstream that refuses resets the client", async () => {
  const closed = await openServer(() => undefined);
  await closed[Symbol.asyncDispose]();
  await using rig = await openRig({
    upstream: closed.address,
    portHints: new Map([[closed.address.port, "opaque"]]),
  });
  const client = await connectTo(rig.address);
  assert.equal((await drainSocket(client)).reset, true);
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), {
    flags: ["UF"],
    outcome: "failed",
  });
});
