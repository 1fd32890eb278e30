// Connections that leave through a forward proxy: relayed calls, TLS that is opened, raw bytes; and those that do not.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import type { Authority } from "../../src/core/certificates.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { parseForwardProxy, sparing } from "../../src/core/way-out.ts";
import { startSidecar } from "../../src/sidecar/sidecar.ts";
import { type ForwardProxy, openForwardProxy } from "../support/forward-proxy.ts";
import { openSecureOrigin, testAuthority } from "../support/https.ts";
import { connectTo, drainSocket, openServer, readUntil } from "../support/rig.ts";

const loopback = { host: "127.0.0.1", port: 0 };

/** An explicit proxy behind `proxy`; where it listens. */
async function behind(
  t: TestContext,
  proxy: ForwardProxy,
  more: Partial<Parameters<typeof startSidecar>[0]> = {},
  place = `http://me:secret@127.0.0.1:${proxy.address.port}`,
) {
  const forward = parseForwardProxy(place);
  assert.ok(forward);
  const sidecar = await startSidecar(
    {
      settings: defaultSettings,
      listeners: [{ kind: "bind", address: loopback, mode: { kind: "proxy" } }],
      admin: null,
      rules: null,
      whenRulesAreBad: "refuse",
      taps: [],
      wayOut: { proxy: forward, spares: sparing([]) },
      ...more,
    },
    { clock: systemClock, random: systemRandom },
  );
  t.after(() => sidecar.close());
  const [address] = sidecar.addresses;
  assert.ok(address);
  return address;
}

/** A file of rules that mocks one path of shop.test. */
function mockedPathOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "understudy-way-out-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "rules.yaml");
  const rule = "{name: m, matches: [{host: shop.test, path: /m}], respond: {body: mocked}}";
  writeFileSync(file, `version: 1\nrules:\n  - ${rule}\n`);
  return file;
}

const credentials = `Proxy-Authorization: Basic ${btoa("me:secret")}`;
const tunnelTo = (place: string) => `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${credentials}\r\n\r\n`;

test("way out: plain calls and raw bytes leave by tunnels, with its credentials", async (t) => {
  await using origin = await openServer((socket) =>
    socket.once("data", () =>
      socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nreal"),
    ),
  );
  await using proxy = await openForwardProxy(origin.address.port);
  const client = await connectTo(await behind(t, proxy));
  client.write("GET http://shop.test/a HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  await readUntil(client, "\r\n\r\nreal");
  client.destroy();
  const raw = await connectTo(await behind(t, proxy));
  raw.write("CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n");
  await readUntil(raw, "\r\n\r\n");
  raw.write("\0\0raw");
  await readUntil(raw, "real");
  raw.destroy();
  assert.deepEqual(proxy.asked, [tunnelTo("shop.test:80"), tunnelTo("db.test:5432")]);
});

test("way out: TLS that is opened is verified at the other end of the tunnel", async (t) => {
  const [ours, theirs] = [await testAuthority("ours"), await testAuthority("theirs")];
  await using origin = await openSecureOrigin(theirs, "shop.test", (_request, response) =>
    response.end("real"),
  );
  await using proxy = await openForwardProxy(origin.port);
  for (const [roots, expected] of [
    [[theirs.trust], "real"],
    [[], "certificate"],
  ] as const) {
    const tls = { authority: ours, extraRoots: roots, clientCertificates: [], unverified: [] };
    const tunnel = await connectTo(await behind(t, proxy, { rules: mockedPathOf(t), tls }));
    tunnel.write("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n");
    await readUntil(tunnel, "\r\n\r\n");
    const client = connectTls({ socket: tunnel, servername: "shop.test", ca: ours.trust });
    await once(client, "secureConnect");
    client.write("GET /m HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await readUntil(client, "mocked");
    client.write("GET /r HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await readUntil(client, expected);
    client.destroy();
  }
});

/** What a client of `address` gets of a plain call. */
async function ask(address: { host: string; port: number }, authority: string): Promise<string> {
  const client = await connectTo(address);
  client.end(`GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`);
  return (await drainSocket(client)).bytes.toString();
}

interface SecureProxy {
  readonly proxy: ForwardProxy;
  readonly proxies: Authority;
  readonly byName: string;
  readonly byAddress: string;
}

/** A proxy that is spoken to over TLS, with a certificate for its address and its name. */
async function secureProxy(port: number): Promise<SecureProxy> {
  const proxies = await testAuthority("proxies");
  const leaf = await proxies.issue("localhost");
  const other = await proxies.issue("127.0.0.1");
  const SNICallback = (_name: string, done: (error: null, context: SecureContext) => void) =>
    done(null, createSecureContext({ cert: leaf.chain, key: leaf.key }));
  const tls = { cert: other.chain, key: other.key, SNICallback };
  const proxy = await openForwardProxy(port, undefined, tls);
  const place = (host: string) => `https://me:secret@${host}:${proxy.address.port}`;
  return { proxy, proxies, byName: place("localhost"), byAddress: place("127.0.0.1") };
}

const nobody = { extraRoots: [], clientCertificates: [], unverified: [] };

test("way out: a proxy that is spoken to over TLS is verified by its name or its address, with rules and without", async (t) => {
  await using origin = await openServer((socket) =>
    socket.once("data", () =>
      socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nreal"),
    ),
  );
  const { proxy, proxies, byName, byAddress } = await secureProxy(origin.address.port);
  await using _ = proxy;
  const trust = { ...nobody, extraRoots: [proxies.trust] };
  const ways = [
    { trust },
    { tls: { authority: null, ...trust } },
    { trust: { ...nobody, unverified: ["localhost"] } },
  ];
  for (const way of ways)
    assert.match(await ask(await behind(t, proxy, way, byName), "shop.test"), /\r\n\r\nreal$/);
  assert.match(await ask(await behind(t, proxy, { trust }, byAddress), "shop.test"), /\r\n\r\nreal$/);
  assert.deepEqual(proxy.asked, Array(4).fill(tunnelTo("shop.test:80")));
});

test("way out: TLS that is opened is spoken within the TLS of the proxy", async (t) => {
  const [ours, theirs] = [await testAuthority("ours"), await testAuthority("theirs")];
  const big = Buffer.alloc(3_000_000, "real ");
  await using origin = await openSecureOrigin(theirs, "shop.test", (_request, response) => response.end(big));
  const { proxy, proxies, byName } = await secureProxy(origin.port);
  await using _ = proxy;
  const tls = { ...nobody, authority: ours, extraRoots: [theirs.trust, proxies.trust] };
  const more = { rules: mockedPathOf(t), tls };
  const tunnel = await connectTo(await behind(t, proxy, more, byName));
  tunnel.write("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n");
  await readUntil(tunnel, "\r\n\r\n");
  const client = connectTls({ socket: tunnel, servername: "shop.test", ca: ours.trust });
  await once(client, "secureConnect");
  client.write("GET /m HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  await readUntil(client, "mocked");
  client.write("GET /r HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  const { bytes } = await drainSocket(client);
  assert.deepEqual(bytes.subarray(-big.length), big);
});

test("way out: inside TLS that is opened the words of the proxy, or about it, are told as they are", async (t) => {
  const ours = await testAuthority("ours");
  await using refusing = await openForwardProxy(9, () => "HTTP/1.1 403 Not to there\r\n\r\n");
  const silent = { ...(await openServer(() => undefined)), asked: [] };
  await using _ = silent;
  const settings = { ...defaultSettings, deadlines: { ...defaultSettings.deadlines, connectMs: 100 } };
  const more = { rules: mockedPathOf(t), settings, tls: { ...nobody, authority: ours } };
  for (const [proxy, status, words] of [
    [refusing, 502, "answered 403 Not to there"],
    [silent, 504, "did not answer within 100 ms"],
  ] as const) {
    const tunnel = await connectTo(await behind(t, proxy, more));
    tunnel.write("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n");
    await readUntil(tunnel, "\r\n\r\n");
    const client = connectTls({ socket: tunnel, servername: "shop.test", ca: ours.trust });
    await once(client, "secureConnect");
    client.write("GET /r HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    const [head, body] = (await drainSocket(client)).bytes.toString().split("\r\n\r\n");
    assert.match(head ?? "", new RegExp(`^HTTP/1\\.1 ${status} `));
    const place = `127.0.0.1:${proxy.address.port}`;
    assert.equal(body, `understudy: the proxy ${place}, asked for a tunnel to shop.test:443, ${words}\n`);
  }
});

test("way out: a proxy whose TLS cannot be had is told of, with the option that helps", async (t) => {
  const { proxy, byName } = await secureProxy(9);
  await using _ = proxy;
  const { port } = proxy.address;
  const told = async (more: Parameters<typeof behind>[2], place: string) =>
    (await ask(await behind(t, proxy, more, place), "shop.test")).replaceAll("\r\n", " ");
  assert.match(
    await told({}, byName),
    new RegExp(
      `^HTTP/1\\.1 502 .*: the certificate of localhost:${port} is not trusted: .*--insecure-upstream localhost `,
    ),
  );
  await using talkative = await openServer((socket) => socket.write("220 ready\r\n"));
  const wrong = `https://localhost:${talkative.address.port}`;
  assert.match(await told({}, wrong), /^HTTP\/1\.1 502 .*: localhost:\d+ does not speak TLS/);
  await using silent = await openServer(() => undefined);
  const settings = { ...defaultSettings, deadlines: { ...defaultSettings.deadlines, connectMs: 50 } };
  const dumb = `https://localhost:${silent.address.port}`;
  assert.match(await told({ settings }, dumb), /^HTTP\/1\.1 504 .*localhost:\d+.* (?:within|in) 50 ms/);
});

test("way out: what the proxy says is told; loopback is reached without it", async (t) => {
  await using origin = await openServer((socket) =>
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnear")),
  );
  await using proxy = await openForwardProxy(9, () => "HTTP/1.1 403 Not to there\r\n\r\n");
  const address = await behind(t, proxy);
  assert.match(
    await ask(address, "shop.test"),
    /^HTTP\/1\.1 502 .*the proxy 127\.0\.0\.1:\d+, asked for a tunnel to shop\.test:80, answered 403 Not to there/s,
  );
  assert.match(await ask(address, `127.0.0.1:${origin.address.port}`), /near$/);
  assert.deepEqual(proxy.asked, [tunnelTo("shop.test:80")]);
});
