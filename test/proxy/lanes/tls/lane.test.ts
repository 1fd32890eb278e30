// TLS connections through the data plane: what is opened, what is left shut, and what the client and the upstream see.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Authority } from "../../../../src/core/certificates.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import type { OpaqueEvent, TapEvent } from "../../../../src/core/tap.ts";
import { aroundTests } from "../../../support/around-tests.ts";
import { openSecureOrigin, type SecureOrigin, testAuthority } from "../../../support/https.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import {
  connectTo,
  openRig,
  openServer,
  type Rig,
  type RigOptions,
  readUntil,
} from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";

let ours: Authority;
let theirs: Authority;
let origin: SecureOrigin;
/** Whether each connection to the origin resumed a session. */
const resumed: boolean[] = [];

aroundTests(
  async () => {
    [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
    origin = await openSecureOrigin(theirs, "shop.test", (request, response) => {
      response.end(`real ${request.url}`);
    });
    origin.server.on("secureConnection", (socket) => resumed.push(socket.isSessionReused()));
  },
  () => origin[Symbol.asyncDispose](),
);

const pay: Partial<RuleSpec> = {
  name: "pay",
  matches: [{ host: { op: "exact", value: "shop.test" }, path: { op: "exact", value: "/pay" } }],
  respond: replyWith("mocked"),
};

function rig(options: Partial<RigOptions> & { readonly port?: number } = {}): Promise<Rig> {
  const { port = origin.port, ...rest } = options;
  return openRig({
    upstream: { host: "127.0.0.1", port },
    rules: [pay],
    tls: { authority: ours, extraRoots: [theirs.trust] },
    ...rest,
  });
}

/** A client that trusts us, and nobody else. */
async function dial(to: Rig, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ ...to.address, servername: "shop.test", ca: ours.trust, ...options });
  await once(socket, "secureConnect");
  socket.on("error", () => undefined);
  return socket;
}

async function get(socket: TLSSocket, path: string): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`);
  return await readUntil(socket, /\r\n\r\n[\s\S]+$/);
}

const opaque = (event: TapEvent): event is OpaqueEvent => event.kind === "opaque";
const trouble = (event: TapEvent) => event.kind === "trouble" && event.area === "tls";
const messageOf = (event: TapEvent) => (event.kind === "trouble" ? event.message : "");

test("tls: a call that a rule claims is mocked, the next one is relayed", async () => {
  await using through = await rig();
  const client = await dial(through);
  assert.match(await get(client, "/pay"), /\r\n\r\nmocked$/);
  assert.match(await get(client, "/other"), /\r\n\r\nreal \/other$/);
  client.destroy();
  const calls = through.events.filter(({ kind }) => kind === "call");
  assert.deepEqual(
    calls.map((event) => event.kind === "call" && [event.outcome, event.path, event.upstream?.port]),
    [
      ["mocked", "/pay", undefined],
      ["relayed", "/other", origin.port],
    ],
  );
});

test("tls: rules see the scheme https", async () => {
  const rules = [{ name: "s", matches: [{ expr: 'request.scheme == "https"' }], respond: replyWith("seen") }];
  await using through = await rig({ rules });
  const client = await dial(through);
  assert.match(await get(client, "/"), /seen$/);
  client.destroy();
});

test("tls: a hello that drips in is opened all the same", async () => {
  await using through = await rig({ deadlines: { detectMs: 20_000 } });
  const hello = Promise.withResolvers<Buffer>();
  await using catcher = await openServer((socket) => socket.once("data", hello.resolve));
  // What a client says is caught, and said again in pieces: the answer is a ServerHello, with which nobody goes on.
  const client = connect({ ...catcher.address, servername: "shop.test" });
  client.on("error", () => undefined);
  const bytes = await hello.promise;
  client.destroy();
  const socket = await connectTo(through.address);
  for (const byte of bytes) {
    socket.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  const [answer] = await once(socket, "data");
  assert.deepEqual([answer[0], answer[5]], [22, 2], "a handshake record with a ServerHello");
  socket.destroy();
});

test("tls: where no rule concerns the server, the client sees the server's own certificate", async () => {
  for (const servername of ["other.test", "shop.test.evil"]) {
    await using through = await rig();
    const socket = connect({ ...through.address, servername, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    assert.equal(socket.getPeerCertificate().issuer.CN, "theirs");
    socket.destroy();
    const event = await through.event(opaque);
    assert.ok(opaque(event) && event.serverName === servername && event.protocol === "tls");
  }
});

test("tls: a host that is to be opaque stays so", async () => {
  await using through = await rig({ opaqueHosts: ["shop.test"] });
  const client = await dial(through, { ca: theirs.trust });
  assert.match(await get(client, "/pay"), /real \/pay$/);
  client.destroy();
});

test("tls: without an authority everything is relayed unread, and one line says why", async () => {
  await using through = await rig({ tls: { authority: null } });
  for (let round = 0; round < 2; round++) {
    const client = await dial(through, { ca: theirs.trust });
    assert.match(await get(client, "/pay"), /real \/pay$/);
    client.destroy();
  }
  const lines = through.events.filter(trouble);
  assert.equal(lines.length, 1);
  assert.match(lines.map(messageOf).join(), /shop\.test.*understudy ca init/);
});

test("tls: a leaf that cannot be issued leaves the connection as it was", async () => {
  const authority = { trust: "", scheme: 0, issue: async () => Promise.reject(new Error("no ink")) };
  await using through = await rig({ tls: { authority } });
  const client = await dial(through, { ca: theirs.trust });
  assert.match(await get(client, "/pay"), /real \/pay$/);
  client.destroy();
  assert.match(through.events.filter(trouble).map(messageOf).join(), /could not be opened.*no ink/);
});

test("tls: no hello within the deadline, or something else than one, is relayed unread", async () => {
  const got = Promise.withResolvers<string>();
  await using server = await openServer((socket) =>
    socket.once("data", (bytes) => got.resolve(String(bytes))),
  );
  await using through = await rig({ port: server.address.port, deadlines: { headMs: 30 } });
  const socket = await connectTo(through.address);
  socket.write(Buffer.from("\x16\x03\x01\x02\x00\x01\x00hello", "latin1"));
  assert.equal(await got.promise, "\x16\x03\x01\x02\x00\x01\x00hello");
  assert.ok(through.events.some(({ kind }) => kind === "detection-timeout"));
  socket.destroy();
});

test("tls: half a hello is passed on when the sidecar drains", async () => {
  const got = Promise.withResolvers<string>();
  await using server = await openServer((socket) =>
    socket.once("data", (bytes) => {
      got.resolve(String(bytes));
      socket.end();
    }),
  );
  await using through = await rig({ port: server.address.port });
  const socket = await connectTo(through.address);
  socket.write(Buffer.from("\x16\x03\x01\x02\x00\x01\x00hello", "latin1"));
  await through.event(({ kind }) => kind === "connection-opened");
  await new Promise(setImmediate);
  const drained = through.drain();
  assert.equal(await got.promise, "\x16\x03\x01\x02\x00\x01\x00hello");
  socket.end();
  await drained;
});

test("tls: a hello of which the network loses a part for a second is opened all the same", async () => {
  const clock = manualClock(systemClock.wall());
  await using through = await rig({ clock });
  const raw = await connectTo(through.address);
  const late = Promise.withResolvers<void>();
  const lossy = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      raw.write(chunk.subarray(0, 700));
      late.promise.then(() => raw.write(chunk.subarray(700), done));
    },
  });
  raw.on("data", (chunk) => lossy.push(chunk));
  const client = connect({ socket: lossy, servername: "shop.test", ca: ours.trust });
  client.on("error", () => undefined);
  const opened = once(client, "secureConnect");
  await through.event(({ kind }) => kind === "connection-opened");
  for (let round = 0; round < 10; round++) {
    await clock.advance(100);
    await new Promise(setImmediate);
  }
  late.resolve();
  await opened;
  assert.match(await get(client, "/pay"), /mocked$/);
  assert.ok(!through.events.some(({ kind }) => kind === "detection-timeout"));
  client.destroy();
  raw.destroy();
});

test("tls: without a server name the certificate is for the address", async () => {
  const rules = [{ ...pay, matches: [{ host: { op: "exact", value: "127.0.0.1" } as const }] }];
  await using through = await rig({ rules });
  const socket = connect({ ...through.address, ca: ours.trust });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerCertificate().subjectaltname, "IP Address:127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.match(await readUntil(socket, /mocked$/), /200/);
  socket.destroy();
});

test("tls: a server name with the dot of the root is the one without, for rules, options and the certificate", async () => {
  await using wrong = await openSecureOrigin(theirs, "other.test", (_, response) => response.end("real"));
  await using through = await rig({
    port: wrong.port,
    tls: { authority: ours, extraRoots: [theirs.trust], unverified: ["shop.test"] },
  });
  const client = await dial(through, { servername: "shop.test." });
  assert.equal(client.getPeerCertificate().subjectaltname, "DNS:shop.test");
  assert.match(await get(client, "/pay"), /mocked$/);
  assert.match(await get(client, "/real"), /real$/);
  client.destroy();
});

test("tls: what is no server name is relayed unread, even where a rule concerns every host", async () => {
  await using through = await rig({ rules: [{ name: "all", respond: replyWith("mocked") }] });
  for (const servername of ["b\u00fccher.test", "shop test"]) {
    const client = await dial(through, {
      servername,
      ca: theirs.trust,
      checkServerIdentity: () => undefined,
    });
    assert.match(await get(client, "/"), /real \/$/);
    client.destroy();
  }
  assert.deepEqual(through.events.filter(trouble), []);
});

test("tls: sessions are resumed on both sides", async () => {
  await using through = await rig();
  resumed.length = 0;
  let session: Buffer | undefined;
  const reused: boolean[] = [];
  for (let round = 0; round < 2; round++) {
    const client = connect({
      ...through.address,
      servername: "shop.test",
      ca: ours.trust,
      ...(session ? { session } : {}),
    });
    client.on("session", (fresh) => {
      session = fresh;
    });
    await once(client, "secureConnect");
    reused.push(client.isSessionReused());
    assert.match(await get(client, "/real"), /real/);
    client.destroy();
    await once(client, "close");
  }
  assert.deepEqual(reused, [false, true]);
  assert.deepEqual(resumed, [false, true]);
});

test("tls: an upstream that speaks no TLS, or another TLS, is a 502 in words for people", async () => {
  const alert = Buffer.from([0x15, 3, 3, 0, 2, 2, 70]); // fatal: protocol_version (RFC 8446 §6.2)
  for (const [reply, told] of [
    ["HTTP/1.1 400 Bad Request\r\n\r\n", /shop\.test \(127\.0\.0\.1:\d+\) does not speak TLS/],
    [
      alert,
      /shop\.test \(127\.0\.0\.1:\d+\) speaks no version of TLS that is spoken here, 1\.2 and 1\.3 \(TLS alert 70/,
    ],
  ] as const) {
    await using upstream = await openServer((socket) => void socket.once("data", () => socket.end(reply)));
    await using through = await rig({ upstream: upstream.address, tls: { authority: ours } });
    const answer = await get(await dial(through, {}), "/real");
    assert.match(answer, /^HTTP\/1\.1 502 /);
    assert.match(answer, told);
  }
});

test("tls: an upstream with a bad certificate is a 502 that says why, and mocks go on", async () => {
  await using through = await rig({ tls: { authority: ours } });
  for (const ALPNProtocols of [["http/1.1"], ["h2", "http/1.1"]]) {
    const client = await dial(through, { ALPNProtocols });
    assert.equal(client.alpnProtocol, "http/1.1");
    assert.match(await get(client, "/pay"), /mocked$/);
    const answer = await get(client, "/real");
    assert.match(answer, /^HTTP\/1\.1 502 /);
    assert.match(answer, /certificate of shop\.test \(127\.0\.0\.1:\d+\) is not trusted: .*UNABLE_TO_VERIFY/);
    client.destroy();
  }
  const failed = through.events.find((event) => event.kind === "call" && event.outcome === "failed");
  assert.ok(failed?.kind === "call");
  assert.deepEqual(failed.flags, ["UF"]);
});

test("tls: a certificate for another name is refused as the client would have done, unless the host may be insecure", async () => {
  await using wrong = await openSecureOrigin(theirs, "other.test", (_, response) => response.end("real"));
  const trust = { authority: ours, extraRoots: [theirs.trust] };
  await using strict = await rig({ port: wrong.port, tls: trust });
  const client = await dial(strict);
  assert.match(await get(client, "/"), /502 [\s\S]*ERR_TLS_CERT_ALTNAME_INVALID/);
  client.destroy();
  await using lax = await rig({ port: wrong.port, tls: { ...trust, unverified: ["shop.test"] } });
  const other = await dial(lax);
  assert.match(await get(other, "/"), /real$/);
  other.destroy();
});

test("tls: a client certificate is shown to its host", async () => {
  const leaf = await theirs.issue("client.test");
  const names: string[] = [];
  await using strict = await openSecureOrigin(
    theirs,
    "shop.test",
    (request, response) => {
      names.push(String((request.socket as TLSSocket).getPeerCertificate().subjectaltname));
      response.end("welcome");
    },
    // The test's leaves are for servers; what counts here is that one arrives.
    { requestCert: true, rejectUnauthorized: false },
  );
  const clientCertificates = [{ host: "shop.test", certificate: leaf.chain, key: leaf.key }];
  await using through = await rig({
    port: strict.port,
    tls: { authority: ours, extraRoots: [theirs.trust], clientCertificates },
  });
  const client = await dial(through);
  assert.match(await get(client, "/"), /welcome$/);
  assert.deepEqual(names, ["DNS:client.test"]);
  client.destroy();
});

test("tls: an upstream that cannot be reached keeps no mock from answering", async () => {
  await using closed = await openServer(() => undefined);
  const { port } = closed.address;
  await closed[Symbol.asyncDispose]();
  await using through = await rig({ port });
  const client = await dial(through, { ALPNProtocols: ["h2", "http/1.1"] });
  assert.match(await get(client, "/pay"), /mocked$/);
  assert.match(await get(client, "/real"), /502 [\s\S]*refused the connection/);
  client.destroy();
});

test("tls: an upstream that never answers the handshake is given up", async () => {
  await using silent = await openServer(() => undefined);
  await using through = await rig({ port: silent.address.port, deadlines: { connectMs: 50 } });
  const client = await dial(through);
  assert.match(await get(client, "/real"), /504 [\s\S]*TLS handshake in 50 ms/);
  client.destroy();
});

test("tls: HTTP/2 is spoken where client and upstream both speak it", async () => {
  const leaf = await theirs.issue("shop.test");
  const { createSecureServer } = await import("node:http2");
  const server = createSecureServer(
    { cert: leaf.chain, key: leaf.key, allowHTTP1: true },
    (request, response) => {
      response.end(`real ${request.httpVersion}`);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using through = await rig({ port });
  const client = connectHttp2(`https://shop.test:${port}`, {
    createConnection: () =>
      connect({ ...through.address, servername: "shop.test", ca: ours.trust, ALPNProtocols: ["h2"] }),
  });
  const stream = client.request({ ":path": "/" });
  assert.equal((await stream.toArray()).join(""), "real 2.0");
  client.close();
  await once(client, "close");
  const old = await dial(through, { ALPNProtocols: ["http/1.1"] });
  assert.match(await get(old, "/pay"), /mocked$/);
  old.destroy();
  server.close();
});

test("tls: a client that does not trust us is left alone from the second time on", async () => {
  await using through = await rig();
  const pinned = { ...through.address, servername: "shop.test", ca: theirs.trust };
  // Node verifies after the handshake and leaves without a word, so it takes two to be sure.
  for (let round = 0; round < 2; round++) {
    const refused = connect(pinned);
    const [error] = await once(refused, "error");
    assert.match(error.code, /UNABLE_TO_VERIFY/);
    await through.event(() => through.events.filter(opaque).length > round);
  }
  const client = await dial(through, { ca: theirs.trust });
  assert.match(await get(client, "/pay"), /real \/pay$/);
  client.destroy();
  const lines = through.events.filter(trouble).map(messageOf);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /shop\.test.*relayed unread.*understudy ca show/);
});

test("tls: clients that resume a session and leave again trust us", async () => {
  await using through = await rig();
  let session: Buffer | undefined;
  for (let round = 0; round < 4; round++) {
    // In TLS 1.2 the ticket is there with the handshake: nothing needs to be said.
    const client = connect({
      ...through.address,
      servername: "shop.test",
      ca: ours.trust,
      maxVersion: "TLSv1.2",
      ...(session ? { session } : {}),
    });
    await once(client, "secureConnect");
    session ??= client.getSession();
    assert.equal(client.isSessionReused(), round > 0);
    client.end();
    await once(client, "close");
  }
  const client = await dial(through);
  assert.match(await get(client, "/pay"), /mocked$/);
  client.destroy();
  assert.deepEqual(through.events.filter(trouble), []);
});

test("tls: what is not HTTP inside is relayed, both ways, to its end", async () => {
  const leaf = await theirs.issue("shop.test");
  const { createServer } = await import("node:tls");
  const server = createServer({ cert: leaf.chain, key: leaf.key }, (socket) => {
    socket.write("\x00greeting");
    socket.on("data", (bytes) => socket.end(`echo ${bytes}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using through = await rig({
    port: (server.address() as AddressInfo).port,
    deadlines: { detectMs: 30 },
  });
  const client = await dial(through);
  let seen = "";
  client.on("data", (bytes) => {
    seen += bytes;
    if (seen === "\x00greeting") client.write("\x00hi");
  });
  await once(client, "end");
  assert.equal(seen, "\x00greetingecho \x00hi");
  server.close();
});

test("tls: a large body passes under backpressure, unchanged", async () => {
  const size = 8 * 1_048_576;
  await using big = await openSecureOrigin(theirs, "shop.test", (_, response) =>
    response.end(Buffer.alloc(size, 7)),
  );
  await using through = await rig({ port: big.port });
  const client = await dial(through);
  client.write("GET /big HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  let total = 0;
  for await (const chunk of client) total += chunk.length;
  assert.ok(total > size && total < size + 1_000, String(total));
});

test("tls: a rule that resets does so inside", async () => {
  const rules: Partial<RuleSpec>[] = [
    {
      ...pay,
      respond: null,
      fault: {
        delay: null,
        abort: { kind: "reset" },
        throttle: null,
        slice: null,
        truncate: null,
        corrupt: null,
      },
    },
  ];
  await using through = await rig({ rules });
  const client = await dial(through);
  client.removeAllListeners("error");
  client.write("GET /pay HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  const [error] = await once(client, "error");
  assert.equal(error.code, "ECONNRESET");
});

test("tls: draining ends an opened connection that is idle", async () => {
  await using through = await rig();
  const client = await dial(through);
  assert.match(await get(client, "/pay"), /mocked$/);
  client.resume();
  const ended = once(client, "end");
  const drained = through.drain();
  await ended;
  client.end();
  await drained;
  assert.equal(through.active, 0);
});

test("tls: the upstream's idle end before the first call is noticed", async () => {
  const leaf = await theirs.issue("shop.test");
  const { createServer } = await import("node:https");
  const server = createServer({ cert: leaf.chain, key: leaf.key }, (_, response) => response.end("real"));
  let connections = 0;
  const first = Promise.withResolvers<void>();
  server.on("secureConnection", (socket) => {
    if (++connections > 1) return;
    socket.once("close", () => first.resolve());
    socket.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using through = await rig({ port: (server.address() as AddressInfo).port });
  const client = await dial(through, { ALPNProtocols: ["h2", "http/1.1"] });
  await first.promise;
  assert.match(await get(client, "/real"), /real$/);
  assert.equal(connections, 2);
  client.destroy();
  server.closeAllConnections();
  server.close();
});
