// What is told of a TLS connection to an upstream that fails: real handshakes, each with what a user reads of it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { test } from "node:test";
import { createServer, type TlsOptions } from "node:tls";
import type { LinkEnd, SecureDial } from "../../../src/core/link.ts";
import type { SecureDialDeps } from "../../../src/proxy/relay/secure-dial.ts";
import { aroundTests } from "../../support/around-tests.ts";
import {
  type ForeignAuthority,
  type ForeignCertificate,
  foreignAuthority,
  selfSigned,
} from "../../support/foreign-certificates.ts";
import { testAuthority } from "../../support/https.ts";
import { secureDial } from "../../support/secure-dial.ts";
import { noPython, openStrictServer } from "../../support/strict-tls-server.ts";

let theirs: ForeignAuthority;
let strangers: ForeignAuthority;
let server: ForeignCertificate;
/** What a client may show; `stranger` is of another authority. */
let clients: Readonly<Record<"good" | "expired" | "stranger" | "server", ForeignCertificate>>;

aroundTests(
  async () => {
    [theirs, strangers] = await Promise.all([foreignAuthority("theirs"), foreignAuthority("strangers")]);
    const [good, expired, stranger, forServers] = await Promise.all([
      theirs.issue({ purpose: "client" }),
      theirs.issue({ purpose: "client", fromDays: -3, toDays: -2 }),
      strangers.issue({ purpose: "client" }),
      theirs.issue({ purpose: "server" }),
    ]);
    clients = { good, expired, stranger, server: forServers };
    server = forServers;
  },
  async () => undefined,
);

interface Attempt extends Partial<SecureDialDeps> {
  readonly serverName?: string;
  readonly protocols?: readonly string[];
}

function dialOf(deps: Partial<SecureDialDeps>): SecureDial {
  return secureDial(theirs.certificate, deps);
}

/** How a link ends that says one word. */
function endOf(
  port: number,
  { serverName = "shop.test", protocols = [], ...deps }: Attempt = {},
  dial: SecureDial = dialOf(deps),
): Promise<{ readonly how: LinkEnd | "end" | "data"; readonly detail: string }> {
  return new Promise((resolve) => {
    const link = dial.link(
      { upstream: { host: "127.0.0.1", port }, serverName, protocols },
      {
        data(chunk) {
          resolve({ how: "data", detail: String(chunk) });
          link.destroy(true);
          return true;
        },
        drain: () => undefined,
        end: () => {
          resolve({ how: "end", detail: "" });
          link.destroy(true);
        },
        close: (how, detail) => resolve({ how, detail }),
      },
    );
    link.write(Buffer.from("hello"));
  });
}

/** The words about a server of Node, without its port. */
function wordsOf(options: TlsOptions, attempt: Attempt = {}): Promise<string> {
  const listener = createServer({ cert: server.certificate, key: server.key, ...options }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.end("welcome"));
  });
  listener.on("tlsClientError", () => undefined);
  return toldOf(listener, attempt);
}

async function toldOf(listener: Server, attempt: Attempt): Promise<string> {
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const told = await toldAt(port, attempt);
  listener.close();
  return told;
}

async function toldAt(port: number, attempt: Attempt): Promise<string> {
  const { how, detail } = await endOf(port, attempt);
  return `${how}: ${detail.replaceAll(`127.0.0.1:${port}`, "ADDRESS")}`;
}

const shown = (which: keyof typeof clients) => ({
  clientCertificates: [{ host: "shop.test", ...clients[which] }],
});

const asksAndNone =
  "refused: shop.test (ADDRESS) asks for a client certificate and none is configured for it: tls.clientCertificates in the " +
  "config, or --client-certificates shop.test=CERT:KEY, gives it one";
const insecure = "--insecure-upstream shop.test takes any certificate";
const knows = "--upstream-cas FILE adds its authority";

test("tls failures: what a server of Node has against us, or we against it, in words", async (t) => {
  const bad = "refused: the certificate of shop.test (ADDRESS) is not trusted:";
  const versions = "refused: shop.test (ADDRESS) speaks no version of TLS that is spoken here, 1.2 and 1.3";
  const cases: readonly [name: string, options: TlsOptions, attempt: Attempt, words: string][] = [
    [
      "old versions alone",
      { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" },
      {},
      `${versions} (TLS alert 70, protocol version)`,
    ],
    [
      "no cipher in common",
      { ciphers: "TLS_AES_128_CCM_SHA256", minVersion: "TLSv1.3" },
      {},
      "refused: shop.test (ADDRESS) has no cipher, group or signature of TLS in common with what is spoken here (TLS alert 40, handshake failure)",
    ],
    [
      "no protocol in common",
      { ALPNProtocols: ["h2"] },
      { protocols: ["http/1.1", "http/1.0"] },
      "refused: shop.test (ADDRESS) speaks none of the protocols that the client offers, http/1.1, http/1.0 (TLS alert 120, no application protocol)",
    ],
    [
      "another name",
      {},
      { serverName: "other.test" },
      "refused: the certificate of other.test (ADDRESS) is not trusted: it is for other names, DNS:shop.test (ERR_TLS_CERT_ALTNAME_INVALID); --insecure-upstream other.test takes any certificate",
    ],
    [
      "an unknown authority",
      {},
      { extraRoots: [] },
      `${bad} its authority is not known here, or it does not send the certificates in between (UNABLE_TO_VERIFY_LEAF_SIGNATURE); ${knows}, ${insecure}`,
    ],
    [
      "an unknown authority that is sent along",
      { cert: `${server.certificate}\n${theirs.certificate}` },
      { extraRoots: [] },
      `${bad} its authority is not known here (SELF_SIGNED_CERT_IN_CHAIN); ${knows}, ${insecure}`,
    ],
    [
      "an expired certificate",
      await served({ purpose: "server", fromDays: -3, toDays: -2 }),
      {},
      `${bad} it has expired (CERT_HAS_EXPIRED); ${insecure}`,
    ],
    [
      "one that is not valid yet",
      await served({ purpose: "server", fromDays: 1, toDays: 2 }),
      {},
      `${bad} it is not valid yet, if the clock of this machine is right (CERT_NOT_YET_VALID); ${insecure}`,
    ],
    [
      "a certificate for clients",
      await served({ purpose: "client" }),
      {},
      `${bad} it is not for servers (INVALID_PURPOSE); ${insecure}`,
    ],
    [
      "one with a key that is too small",
      { ...(await served({ purpose: "server", rsaBits: 1_024 })), ciphers: "DEFAULT:@SECLEVEL=0" },
      {},
      `${bad} its key is too weak to be safe; ${insecure}`,
    ],
    [
      "one that is signed with a hash of old",
      await served({ purpose: "server", hash: "SHA-1" }),
      {},
      `${bad} it is signed with a hash that is not safe any more, SHA-1 or MD5; ${insecure}`,
    ],
    [
      "TLS 1.2, no client certificate",
      demanding("TLSv1.2"),
      {},
      `${asksAndNone} (TLS alert 40, handshake failure)`,
    ],
    [
      "TLS 1.3, no client certificate",
      demanding("TLSv1.3"),
      {},
      `${asksAndNone} (TLS alert 116, certificate required)`,
    ],
    ...(["TLSv1.2", "TLSv1.3"] as const).map((version): [string, TlsOptions, Attempt, string] => [
      `${version}, a client certificate that Node closes on`,
      demanding(version),
      shown("stranger"),
      "refused: shop.test (ADDRESS) does not take the client certificate of shop.test in tls.clientCertificates (it closed the connection without an alert)",
    ]),
    ["the right client certificate", demanding("TLSv1.3"), shown("good"), "data: welcome"],
    [
      "none where none is needed",
      { requestCert: true, rejectUnauthorized: false, ca: theirs.certificate },
      {},
      "data: welcome",
    ],
  ];
  for (const [name, options, attempt, words] of cases)
    await t.test(name, async () => assert.equal(await wordsOf(options, attempt), words));
});

async function served(how: Parameters<ForeignAuthority["issue"]>[0]): Promise<TlsOptions> {
  const { certificate, key } = await theirs.issue(how);
  return { cert: certificate, key };
}

function demanding(version: "TLSv1.2" | "TLSv1.3"): TlsOptions {
  return { requestCert: true, rejectUnauthorized: true, ca: theirs.certificate, maxVersion: version };
}

test("tls failures: a client that names an address as the server (against RFC 6066 §3) gets the certificate of that", async () => {
  const addresses = await testAuthority("addresses");
  const { chain: cert, key } = await addresses.issue("127.0.0.1");
  const attempt = { serverName: "127.0.0.1", unverified: [] };
  assert.equal(await wordsOf({ cert, key }, { ...attempt, extraRoots: [addresses.trust] }), "data: welcome");
  assert.match(await wordsOf({}, attempt), /it is for other names, DNS:shop\.test/);
});

test("tls failures: a refusal stays one, although the upstream has given a session before it", async () => {
  // It takes any certificate, looks at it later, and leaves.
  const options = { cert: server.certificate, key: server.key, requestCert: true, rejectUnauthorized: false };
  const listener = createServer(options, (socket) => socket.once("data", () => socket.end()));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const dial = dialOf(shown("stranger"));
  const details = [await endOf(port, {}, dial), await endOf(port, {}, dial), await endOf(port, {}, dial)];
  listener.close();
  for (const { detail } of details) assert.match(detail, /does not take the client certificate/);
});

test("tls failures: a certificate that has signed itself may be trusted as its own authority", async () => {
  const own = await selfSigned();
  const options = { cert: own.certificate, key: own.key };
  const words = await wordsOf(options);
  assert.match(
    words,
    /it has signed itself \(DEPTH_ZERO_SELF_SIGNED_CERT\); --upstream-cas FILE with that certificate/,
  );
  assert.equal(await wordsOf(options, { extraRoots: [own.certificate] }), "data: welcome");
});

for (const newest of ["TLSv1_2", "TLSv1_3"] as const)
  test(`tls failures: a server of ${newest} that tells by alert what it has against a client certificate`, {
    skip: noPython,
  }, async () => {
    await using strict = await openStrictServer(server, theirs.certificate, newest);
    const told = (attempt: Attempt) => toldAt(strict.port, attempt);
    const missing = newest === "TLSv1_2" ? "40, handshake failure" : "116, certificate required";
    assert.equal(await told({}), `${asksAndNone} (TLS alert ${missing})`);
    const refuses =
      "refused: shop.test (ADDRESS) does not take the client certificate of shop.test in tls.clientCertificates:";
    assert.equal(
      await told(shown("stranger")),
      `${refuses} its authority is not known there (TLS alert 48, unknown ca)`,
    );
    assert.equal(
      await told(shown("expired")),
      `${refuses} it has expired (TLS alert 45, certificate expired)`,
    );
    assert.equal(
      await told(shown("server")),
      `${refuses} it is of a kind that is not taken there (TLS alert 43, unsupported certificate)`,
    );
    assert.match(await told(shown("good")), /^data: HTTP\/1\.1 200 OK/);
  });

/** A server that answers anything with these bytes. */
function answering(bytes: Buffer, attempt: Attempt = {}): Promise<string> {
  const listener = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  });
  return toldOf(listener, attempt);
}

test("tls failures: alerts on the wire, and what is no TLS at all", async () => {
  const alert = (number: number) => Buffer.of(21, 3, 3, 0, 2, 2, number);
  const cases: readonly (readonly [Buffer, Attempt, string])[] = [
    [
      alert(112),
      {},
      "shop.test (ADDRESS) has no server of the name shop.test (TLS alert 112, unrecognized name)",
    ],
    [
      alert(112),
      { serverName: "" },
      "ADDRESS wants to be told a server name (SNI), and the client has sent none (TLS alert 112, unrecognized name)",
    ],
    [
      alert(71),
      {},
      "shop.test (ADDRESS) wants stronger ciphers of TLS than are spoken here (TLS alert 71, insufficient security)",
    ],
    [
      alert(80),
      {},
      "shop.test (ADDRESS) had a failure of its own in the TLS handshake (TLS alert 80, internal error)",
    ],
    [alert(47), {}, "shop.test (ADDRESS) refuses the TLS handshake (TLS alert 47, illegal parameter)"],
    [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), {}, "shop.test (ADDRESS) does not speak TLS"],
    [Buffer.alloc(0), {}, "shop.test (ADDRESS) closed the connection in the TLS handshake"],
  ];
  for (const [bytes, attempt, words] of cases)
    assert.equal(await answering(bytes, attempt), `refused: ${words}`);
});

test("tls failures: a port where nobody listens", async () => {
  const listener = createTcpServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  assert.deepEqual(await endOf(port), { how: "refused", detail: `127.0.0.1:${port} refused the connection` });
});

test("tls failures: an upstream that may see a certificate, and goes before it has answered, is told of", async () => {
  const words = await wordsOfLeaver({ requestCert: true, rejectUnauthorized: false });
  assert.equal(words, `${asksAndNone} (it closed the connection without an alert)`);
  assert.equal(await wordsOfLeaver({}), "end: ", "nobody spoke of certificates: an end like any other");
});

function wordsOfLeaver(options: TlsOptions): Promise<string> {
  const listener = createServer({ cert: server.certificate, key: server.key, ...options }, (socket) => {
    socket.once("data", () => socket.end());
  });
  return toldOf(listener, {});
}
