// The plain road over real sockets: what arrives is what leaves, whatever the framing and the order of events.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { connectTo, drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";

/** An upstream that answers each chunk it gets with the next reply, and keeps what it got. */
async function scripted(replies: readonly string[]) {
  let received = Buffer.alloc(0);
  let at = 0;
  const sockets: Socket[] = [];
  const server = await openServer((socket) => {
    sockets.push(socket);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const reply = replies[at++];
      if (reply !== undefined) socket.write(reply, "latin1");
    });
    socket.on("end", () => socket.end());
  });
  return { ...server, server: server.server, sockets, received: () => received.toString("latin1") };
}

test("plain road: a request and its response pass byte for byte", async () => {
  const request = "GET /a?b=c HTTP/1.1\r\nHoST: x\r\nx-Odd:   spaced  \r\nX-odd: again\r\n\r\n";
  const response = "HTTP/1.1 200 Fine By Me\r\ncontent-LENGTH: 5\r\nX-A:b\r\n\r\nhello";
  const upstream = await scripted([response]);
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  client.write(request);
  assert.equal(await readUntil(client, "hello"), response);
  assert.equal(upstream.received(), request);
  const call = await rig.event((event) => event.kind === "call");
  assert.partialDeepStrictEqual(call, {
    method: "GET",
    authority: "x",
    path: "/a?b=c",
    status: 200,
    outcome: "relayed",
  });
  client.destroy();
  await upstream[Symbol.asyncDispose]();
});

test("plain road: keep-alive requests share one upstream connection", async () => {
  const response = "HTTP/1.1 204 No Content\r\n\r\n";
  const upstream = await scripted([response, response, response]);
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  for (let i = 0; i < 3; i++) {
    client.write(`GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await readUntil(client, "\r\n\r\n");
  }
  assert.equal(upstream.sockets.length, 1);
  client.destroy();
  await upstream[Symbol.asyncDispose]();
});

test("plain road: the client's FIN reaches the upstream, and the upstream's FIN the client", async () => {
  const upstream = await scripted(["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]);
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(client, "ok");
  client.end();
  assert.deepEqual(await drainSocket(client), { bytes: Buffer.alloc(0), reset: false });
  await upstream[Symbol.asyncDispose]();
});

for (const [when, reply, flag, detail] of [
  ["the client before a reply", "", "DC", /^the client left/],
  [
    "the client in the middle of a reply",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    "DC",
    /^the client left/,
  ],
  [
    "nobody but the upstream",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    "UC",
    /^the upstream closed/,
  ],
] as const)
  test(`plain road: who is to blame where both sides end: ${when}`, async () => {
    await using upstream = await openServer((socket) => {
      socket.once("data", () => (flag === "UC" ? socket.end(reply) : socket.write(reply)));
      socket.on("end", () => socket.end());
    });
    await using rig = await openRig({ upstream: upstream.address });
    const client = await rig.connect();
    client.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    if (reply !== "") await readUntil(client, "half");
    if (flag === "DC") client.end();
    const call = await rig.event((event) => event.kind === "call");
    assert.ok(call.kind === "call");
    assert.deepEqual([call.outcome, call.flags], ["failed", [flag]]);
    assert.match(call.detail, detail);
    client.destroy();
  });

test("plain road: a body until close ends with the upstream's FIN", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
  });
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const { bytes, reset } = await drainSocket(client);
  assert.equal(bytes.toString(), "HTTP/1.1 200 OK\r\n\r\nall of it");
  assert.equal(reset, false);
  assert.partialDeepStrictEqual(await rig.event((event) => event.kind === "call"), {
    flags: [],
    outcome: "relayed",
  });
});

/** Its own FIN is sent only when the test says so. */
function patientClient({ host, port }: { host: string; port: number }): Socket {
  return connect({ host, port, allowHalfOpen: true });
}

test("plain road: behind the last request of a client its connection closes without its FIN", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  await using rig = await openRig({ upstream: upstream.address });
  const client = patientClient(rig.address);
  client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.equal(await readUntil(client, "ok"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await rig.event(({ kind }) => kind === "connection-closed");
  client.destroy();
});

test("plain road: a client that may send more is waited for when the upstream has ended", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  await using rig = await openRig({ upstream: upstream.address });
  const client = patientClient(rig.address);
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const { reset } = await drainSocket(client);
  assert.equal(reset, false);
  assert.equal(rig.active, 1);
  client.end();
  await rig.event(({ kind }) => kind === "connection-closed");
});

test("plain road: an upgrade turns the connection into a tunnel, with bytes on both sides of the switch", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst");
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("end", () => socket.end());
    });
  });
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
  await readUntil(client, "first");
  client.write("GET / HTTP/9.9\u0000 anything");
  await readUntil(client, "anything");
  client.end();
  await drainSocket(client);
  const event = await rig.event((found) => found.kind === "opaque");
  assert.partialDeepStrictEqual(event, { protocol: "upgraded", flags: [] });
});

test("plain road: a refused upstream resets a transparent client, and a fixed one gets 502 with the reason", async () => {
  const closed = await openServer(() => undefined);
  await closed[Symbol.asyncDispose]();
  await using transparent = await openRig({ upstream: closed.address });
  const first = await connectTo(transparent.address);
  first.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal((await drainSocket(first)).reset, true);
  await using fixed = await openRig({ upstream: closed.address, mode: "fixed" });
  const second = await connectTo(fixed.address);
  second.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const { bytes } = await drainSocket(second);
  assert.match(bytes.toString(), /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*refused the connection/);
  second.end();
});
