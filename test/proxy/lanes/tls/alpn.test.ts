// Clients and upstreams that do not speak the same HTTP inside TLS: mocks go on, and calls that need the upstream say why not.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
  createSecureServer,
} from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { Authority } from "../../../../src/core/certificates.ts";
import { aroundTests } from "../../../support/around-tests.ts";
import { openSecureOrigin, testAuthority } from "../../../support/https.ts";
import { openRig, type Rig, readUntil } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";

let ours: Authority;
let theirs: Authority;

aroundTests(
  async () => {
    [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
  },
  async () => undefined,
);

function rigTo(port: number): Promise<Rig> {
  return openRig({
    upstream: { host: "127.0.0.1", port },
    rules: [
      { name: "pay", matches: [{ path: { op: "exact", value: "/pay" } }], respond: replyWith("mocked") },
    ],
    tls: { authority: ours, extraRoots: [theirs.trust] },
  });
}

async function dial(through: Rig, ALPNProtocols: string[]): Promise<TLSSocket> {
  const socket = connect({ ...through.address, servername: "shop.test", ca: ours.trust, ALPNProtocols });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

async function get(socket: TLSSocket, path: string): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`);
  return await readUntil(socket, /\r\n\r\n[\s\S]+$/);
}

async function ask(session: ClientHttp2Session, path: string) {
  const stream = session.request({ ":path": path });
  const [head] = await once(stream, "response");
  return { status: head[":status"], body: (await stream.toArray()).join("") };
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("alpn: a client of HTTP/2 alone before an upstream of HTTP/1 alone", async () => {
  await using origin = await openSecureOrigin(theirs, "shop.test", (_, response) => response.end("real"));
  await using through = await rigTo(origin.port);
  const socket = await dial(through, ["h2"]);
  assert.equal(socket.alpnProtocol, "h2");
  const session = connectHttp2("https://shop.test", { createConnection: () => socket });
  assert.deepEqual(await ask(session, "/pay"), { status: 200, body: "mocked" });
  const { status, body } = await ask(session, "/real");
  assert.equal(status, 502);
  assert.match(body, /speaks none of the protocols that the client offers, h2 \(TLS alert 120, /);
  session.destroy();
});

test("alpn: a client of HTTP/1 alone before an upstream of HTTP/2 alone", async () => {
  const leaf = await theirs.issue("shop.test");
  const server = createSecureServer({ cert: leaf.chain, key: leaf.key });
  server.on("unknownProtocol", (socket) => socket.destroy());
  await using through = await rigTo(await portOf(server as unknown as Server));
  const client = await dial(through, ["http/1.1"]);
  assert.match(await get(client, "/pay"), /mocked$/);
  assert.match(await get(client, "/real"), /^HTTP\/1\.1 502 /);
  client.destroy();
  server.close();
});

test("alpn: an upstream that knows nothing of it gets HTTP/1, whatever else the client offers", async () => {
  const leaf = await theirs.issue("shop.test");
  const server = createServer({ cert: leaf.chain, key: leaf.key }, (socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal"));
    socket.on("error", () => undefined);
  });
  await using through = await rigTo(await portOf(server));
  const client = await dial(through, ["h2", "http/1.1"]);
  assert.equal(client.alpnProtocol, false);
  assert.match(await get(client, "/pay"), /mocked$/);
  assert.match(await get(client, "/real"), /real$/);
  client.destroy();
  server.close();
});

test("alpn: an upstream that refuses what one client offers is asked for the next one", async () => {
  const leaf = await theirs.issue("shop.test");
  const server = createSecureServer({ cert: leaf.chain, key: leaf.key }, (_, response) =>
    response.end("real"),
  );
  server.on("unknownProtocol", (socket) => socket.destroy());
  await using through = await rigTo(await portOf(server as unknown as Server));
  const odd = await dial(through, ["odd"]);
  assert.equal(odd.alpnProtocol, false);
  const socket = await dial(through, ["h2", "http/1.1"]);
  assert.equal(socket.alpnProtocol, "h2");
  const session = connectHttp2("https://shop.test", { createConnection: () => socket });
  assert.deepEqual(await ask(session, "/real"), { status: 200, body: "real" });
  odd.destroy();
  session.destroy();
  server.close();
});

test("alpn: grpc-exp, which older versions of gRPC's C core agree on among themselves, is HTTP/2", async () => {
  const leaf = await theirs.issue("shop.test");
  const http2 = createHttp2Server((_, response) => response.end("real"));
  const server = createServer(
    { cert: leaf.chain, key: leaf.key, ALPNProtocols: ["grpc-exp", "h2"] },
    (socket) => http2.emit("connection", socket),
  );
  await using through = await rigTo(await portOf(server));
  const socket = await dial(through, ["grpc-exp", "h2"]);
  assert.equal(socket.alpnProtocol, "grpc-exp");
  const session = connectHttp2("https://shop.test", { createConnection: () => socket });
  assert.deepEqual(await ask(session, "/pay"), { status: 200, body: "mocked" });
  assert.deepEqual(await ask(session, "/real"), { status: 200, body: "real" });
  session.destroy();
  server.close();
});

test("alpn: offers that are no text reach nobody as harm", async () => {
  await using origin = await openSecureOrigin(theirs, "shop.test", (_, response) => response.end("real"));
  await using through = await rigTo(origin.port);
  const client = await dial(through, ["\u00ff".repeat(120), "http/1.1"]);
  assert.match(await get(client, "/pay"), /mocked$/);
  assert.match(await get(client, "/real"), /real$/);
  client.destroy();
});
