// What bounds a connection, and what an explicit proxy does differently.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectTo, drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";

test("deadline: a head that drips in is answered 408", async () => {
  await using rig = await openRig({ deadlines: { headMs: 40 }, tickMs: 5 });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHo");
  assert.match((await drainSocket(client)).bytes.toString(), /^HTTP\/1\.1 408 /);
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
    flags: ["SI"],
    status: 408,
  });
});

test("deadline: an idle connection is closed", async () => {
  await using rig = await openRig({
    deadlines: { idleMs: 30 },
    tickMs: 5,
    rules: [{ respond: replyWith("hi") }],
  });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match((await drainSocket(client)).bytes.toString(), /hi$/);
});

test("deadline: an upload that stands still is cut", async () => {
  await using upstream = await openServer((socket) => socket.resume());
  await using rig = await openRig({ upstream: upstream.address, deadlines: { bodyIdleMs: 30 }, tickMs: 5 });
  const client = await rig.connect();
  client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  await drainSocket(client);
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), { outcome: "failed" });
});

test("deadline: an upstream that never answers ends in 504 for a client that knows of us", async () => {
  await using upstream = await openServer((socket) => socket.resume());
  await using rig = await openRig({
    upstream: upstream.address,
    mode: "fixed",
    deadlines: { responseMs: 30 },
    tickMs: 5,
  });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match((await drainSocket(client)).bytes.toString(), /^HTTP\/1\.1 504 /);
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
    flags: ["UT"],
    status: 504,
  });
});

test("drain: an open call finishes, its connection closes, idle ones close at once", async () => {
  let answer: () => void = () => undefined;
  await using upstream = await openServer((socket) => {
    socket.once("data", () => {
      answer = () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    socket.on("end", () => socket.end());
  });
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [{ matches: [{ path: { op: "exact", value: "/mock" } }], respond: replyWith("hi") }],
  });
  const idle = await rig.connect();
  idle.write("GET /mock HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(idle, "hi");
  const busy = await rig.connect();
  busy.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (rig.active < 2) await new Promise(setImmediate);
  const rest = drainSocket(busy);
  const closed = drainSocket(idle);
  const deadline = AbortSignal.timeout(5_000);
  while (!upstream.server.listening || answer.toString().includes("undefined")) {
    deadline.throwIfAborted();
    await new Promise(setImmediate);
  }
  const drained = rig.drain();
  await closed;
  idle.end();
  answer();
  assert.match((await rest).bytes.toString(), /late$/);
  busy.end();
  await drained;
});

const origin = () =>
  openServer((socket) => {
    socket.on("data", (chunk) => {
      const seen = JSON.stringify(chunk.toString("latin1"));
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${seen.length}\r\n\r\n${seen}`);
    });
    socket.on("end", () => socket.end());
  });

test("proxy: absolute-form reaches the origin in origin-form, without the fields meant for us", async () => {
  await using a = await origin();
  await using b = await origin();
  await using rig = await openRig({ mode: "proxy" });
  const client = await connectTo(rig.address);
  for (const { port } of [a.address, b.address, a.address]) {
    client.write(
      `GET http://127.0.0.1:${port}/p?q HTTP/1.1\r\nhOst: 127.0.0.1:${port}\r\nProxy-Connection: keep-alive\r\nX-A:  b\r\n\r\n`,
    );
    const expected = JSON.stringify(`GET /p?q HTTP/1.1\r\nhOst: 127.0.0.1:${port}\r\nX-A:  b\r\n\r\n`);
    assert.ok((await readUntil(client, '\\r\\n\\r\\n"')).endsWith(expected));
  }
  client.destroy();
});

test("proxy: pipelined requests to two origins keep their order", async () => {
  await using a = await origin();
  await using b = await origin();
  await using rig = await openRig({ mode: "proxy" });
  const client = await connectTo(rig.address);
  const get = (port: number, path: string) =>
    `GET http://127.0.0.1:${port}${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  client.write(get(a.address.port, "/1") + get(b.address.port, "/2") + get(a.address.port, "/3"));
  const seen = await readUntil(client, "/3");
  assert.ok(seen.indexOf("/1") < seen.indexOf("/2"));
  assert.match(seen, new RegExp(`Host: 127\\.0\\.0\\.1:${b.address.port}`));
  client.destroy();
});

test("proxy: CONNECT tunnels, and what is inside is detected and ruled on", async () => {
  await using a = await origin();
  await using rig = await openRig({
    mode: "proxy",
    rules: [{ matches: [{ path: { op: "exact", value: "/mock" } }], respond: replyWith("hi") }],
  });
  const client = await connectTo(rig.address);
  client.write(`CONNECT 127.0.0.1:${a.address.port} HTTP/1.1\r\nHost: 127.0.0.1:${a.address.port}\r\n\r\n`);
  await readUntil(client, "200 Connection Established\r\n\r\n");
  client.write("GET /mock HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(client, "hi");
  client.write("GET /real HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(client, "/real");
  client.destroy();
});

test("proxy: a request that names no target is refused with what was expected", async () => {
  await using rig = await openRig({ mode: "proxy" });
  const client = await connectTo(rig.address);
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(
    (await drainSocket(client)).bytes.toString(),
    /^HTTP\/1\.1 400 [\s\S]*expected a request for http:\/\//,
  );
  client.end();
});
