// Requests of the sidecar's own: what is sent, what comes back, and on which terms TLS is spoken for them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { connectTcp } from "../../../src/proxy/relay/connect-tcp.ts";
import { createOwnRequest } from "../../../src/proxy/relay/own-request.ts";
import type { UpstreamTrust } from "../../../src/proxy/relay/upstream-trust.ts";
import { aroundTests } from "../../support/around-tests.ts";
import {
  type ForeignAuthority,
  type ForeignCertificate,
  foreignAuthority,
} from "../../support/foreign-certificates.ts";

let theirs: ForeignAuthority;
let server: ForeignCertificate;
let client: ForeignCertificate;

aroundTests(
  async () => {
    theirs = await foreignAuthority("theirs");
    [server, client] = await Promise.all([
      theirs.issue({ purpose: "server" }),
      theirs.issue({ purpose: "client" }),
    ]);
  },
  async () => undefined,
);

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = (await request.toArray()).join("");
  response.setHeader(
    "x-asked",
    `${request.method} ${request.headers.host}${request.url} ${request.headers["x-a"]}`,
  );
  response.end(`got ${body}`);
}

async function ask(
  listener: Server,
  scheme: "http" | "https",
  trust: Partial<UpstreamTrust>,
  { maxBytes = 1_000, signal = AbortSignal.timeout(5_000) } = {},
) {
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const request = createOwnRequest({
    connectTcp,
    trust: { extraRoots: [theirs.certificate], clientCertificates: [], unverified: [], ...trust },
  });
  try {
    const reply = await request(
      {
        scheme,
        destination: { host: "127.0.0.1", port },
        authority: `shop.test:${port}`,
        path: "/graphql",
        headers: [["x-a", "1"]],
        body: Buffer.from("hello"),
      },
      maxBytes,
      signal,
    );
    const asked = reply.headers.find(([name]) => name === "x-asked")?.[1];
    return { status: reply.status, body: String(reply.body), asked: asked?.replace(`:${port}`, "") };
  } finally {
    listener.close();
  }
}

const secure = (options: ServerOptions = {}) => {
  const listener = createSecureServer({ cert: server.certificate, key: server.key, ...options }, serve);
  listener.on("tlsClientError", () => undefined);
  return listener;
};
const demanding = () => ({ requestCert: true, rejectUnauthorized: true, ca: theirs.certificate });
const answer = { status: 200, body: "got hello", asked: "POST shop.test/graphql 1" };

test("own request: over TCP and over TLS, to a server that is verified", async () => {
  assert.deepEqual(await ask(createServer(serve), "http", {}), answer);
  assert.deepEqual(await ask(secure(), "https", {}), answer);
});

test("own request: an upstream that is not trusted is told in words, or taken where it may be", async () => {
  await assert.rejects(ask(secure(), "https", { extraRoots: [] }), {
    code: "connect_failed",
    message: /certificate of shop\.test .* is not trusted: .*--insecure-upstream shop\.test/,
  });
  assert.deepEqual(await ask(secure(), "https", { extraRoots: [], unverified: ["shop.test"] }), answer);
});

test("own request: the client certificate of the host is shown, and missed in words", async () => {
  assert.deepEqual(
    await ask(secure(demanding()), "https", { clientCertificates: [{ host: "shop.test", ...client }] }),
    answer,
  );
  await assert.rejects(ask(secure({ ...demanding(), maxVersion: "TLSv1.2" }), "https", {}), {
    code: "connect_failed",
    message: /asks for a client certificate and none is configured/,
  });
});

test("own request: a certificate that is none is told, and leaves nothing open", async () => {
  const clientCertificates = [{ host: "shop.test", certificate: "none", key: "none" }];
  await assert.rejects(ask(secure(), "https", { clientCertificates }), { code: "connect_failed" });
});

test("own request: a body that is too large, and a signal", async () => {
  await assert.rejects(ask(createServer(serve), "http", {}, { maxBytes: 3 }), { code: "body_too_large" });
  const reason = new Error("enough");
  const silent = createServer(() => undefined);
  const stop = new AbortController();
  silent.once("request", () => stop.abort(reason));
  await assert.rejects(ask(silent, "http", {}, { signal: stop.signal }), reason);
});
