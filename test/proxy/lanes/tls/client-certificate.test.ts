// Upstreams that demand a client certificate, as the caller meets them behind opened TLS: over HTTP/1, HTTP/2 and gRPC, in both
// versions of TLS, whether a rule claims calls there or not.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createSecureServer,
  type IncomingHttpHeaders,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect, type TLSSocket, type TlsOptions } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import type { Authority } from "../../../../src/core/certificates.ts";
import type { TapEvent } from "../../../../src/core/tap.ts";
import { createGrpcDialect } from "../../../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { aroundTests } from "../../../support/around-tests.ts";
import {
  type ForeignAuthority,
  type ForeignCertificate,
  foreignAuthority,
} from "../../../support/foreign-certificates.ts";
import { openShop, shopClient } from "../../../support/grpc-shop.ts";
import { testAuthority } from "../../../support/https.ts";
import { openRig, openServer, type Rig, readUntil } from "../../../support/rig.ts";
import { hasTool } from "../../../support/understudy-process.ts";
import { rulesOf } from "../dialects/grpc/rules.ts";

let ours: Authority;
let theirs: ForeignAuthority;
let server: ForeignCertificate;
let clients: Readonly<Record<"good" | "stranger", ForeignCertificate>>;

aroundTests(
  async () => {
    const [mine, foreign, strangers] = await Promise.all([
      testAuthority("ours"),
      foreignAuthority("theirs"),
      foreignAuthority("strangers"),
    ]);
    const [serving, good, stranger] = await Promise.all([
      foreign.issue({ purpose: "server" }),
      foreign.issue({ purpose: "client" }),
      strangers.issue({ purpose: "client" }),
    ]);
    ours = mine;
    theirs = foreign;
    server = serving;
    clients = { good, stranger };
  },
  async () => undefined,
);

/** `claimed`: a rule takes the calls and only looks at them, which is another road than that of the others. */
function rigTo(port: number, shown: ForeignCertificate | null, claimed: boolean): Promise<Rig> {
  const rules = claimed
    ? "- {name: late, matches: [{host: shop.test}], fault: {delay: 1ms}}"
    : "- {name: other, matches: [{host: shop.test, path: /mocked}], respond: {body: mocked}}";
  return openRig({
    upstream: { host: "127.0.0.1", port },
    rules: rulesOf(rules, null),
    dialects: [createGrpcDialect()],
    tls: {
      authority: ours,
      extraRoots: [theirs.certificate],
      clientCertificates: shown ? [{ host: "shop.test", ...shown }] : [],
    },
  });
}

function demanding(maxVersion: TlsOptions["maxVersion"]) {
  return {
    cert: server.certificate,
    key: server.key,
    requestCert: true,
    rejectUnauthorized: true,
    ca: theirs.certificate,
    ...(maxVersion ? { maxVersion } : {}),
  };
}

/** A server of Node for both HTTPs. */
async function openStrict(maxVersion: TlsOptions["maxVersion"]) {
  const strict = createSecureServer({ ...demanding(maxVersion), allowHTTP1: true }, (_, response) => {
    response.end("welcome");
  });
  const sockets = new Set<TLSSocket>();
  strict.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    sockets.add(socket);
  });
  strict.on("tlsClientError", () => undefined);
  strict.listen(0, "127.0.0.1");
  await once(strict, "listening");
  return {
    port: (strict.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      strict.close();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function getOverHttp1(through: Rig): Promise<Answer> {
  const socket = connect({ ...through.address, servername: "shop.test", ca: ours.trust });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  socket.write("GET /real HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  const answer = await readUntil(socket, /\r\n\r\n[\s\S]+$/);
  socket.destroy();
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), body };
}

function openHttp2(through: Rig): ClientHttp2Session {
  const { host, port } = through.address;
  return connectHttp2(`https://shop.test:${port}`, {
    createConnection: () =>
      connect({ host, port, servername: "shop.test", ca: ours.trust, ALPNProtocols: ["h2"] }),
  });
}

async function ask(session: ClientHttp2Session, path: string): Promise<Answer> {
  const stream = session.request({ ":path": path });
  const [head]: [IncomingHttpHeaders & { ":status"?: number }] = (await once(stream, "response")) as never;
  return { status: head[":status"] ?? 0, body: (await stream.toArray()).join("") };
}

async function getOverHttp2(through: Rig): Promise<Answer> {
  const session = openHttp2(through);
  try {
    return await ask(session, "/real");
  } finally {
    session.destroy();
  }
}

const failed = (event: TapEvent) => event.kind === "call" && event.outcome === "failed";
const asks =
  /shop\.test \(127\.0\.0\.1:\d+\) asks for a client certificate and none is configured for it: tls\.clientCertificates in the config.*\((?:TLS alert (?:40|116), |it closed)/;
const refuses =
  /shop\.test \(127\.0\.0\.1:\d+\) does not take the client certificate of shop\.test in tls\.clientCertificates.*\(it closed the connection/;

for (const version of ["TLSv1.2", "TLSv1.3"] as const)
  for (const claimed of [false, true])
    describe(`client certificates: ${version}, ${claimed ? "claimed by a rule" : "relayed"}`, () => {
      for (const [over, get] of [
        ["HTTP/1", getOverHttp1],
        ["HTTP/2", getOverHttp2],
      ] as const)
        for (const [name, shown, words] of [
          ["none is configured", null, asks],
          ["another than the upstream takes is configured", "stranger", refuses],
        ] as const)
          test(`over ${over}, ${name}: 502 and the log say so`, async () => {
            await using strict = await openStrict(version);
            await using through = await rigTo(strict.port, shown && clients[shown], claimed);
            const { status, body } = await get(through);
            assert.equal(status, 502);
            assert.match(body, words);
            const event = await through.event(failed);
            assert.ok(event.kind === "call");
            assert.match(event.detail, words);
            assert.deepEqual([event.status, event.flags.includes("UF")], [502, true]);
          });

      test("the right one is shown, and the call relayed", async () => {
        await using strict = await openStrict(version);
        await using through = await rigTo(strict.port, clients.good, claimed);
        assert.deepEqual(await getOverHttp1(through), { status: 200, body: "welcome" });
        assert.deepEqual(await getOverHttp2(through), { status: 200, body: "welcome" });
      });
    });

for (const claimed of [false, true])
  test(`client certificates: over gRPC, ${claimed ? "claimed" : "relayed"}, it is UNAVAILABLE with the words`, async () => {
    const { cert, key, ca } = demanding(undefined);
    const secure = grpc.ServerCredentials.createSsl(
      Buffer.from(ca),
      [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }],
      true,
    );
    await using shop = await openShop(undefined, secure);
    await using through = await rigTo(shop.address.port, null, claimed);
    using client = shopClient(
      through.address,
      { "grpc.ssl_target_name_override": "shop.test", "grpc.enable_retries": 0 },
      grpc.credentials.createSsl(Buffer.from(ours.trust)),
    );
    const { code, details } = await client.call("Get", [{ sku: "a" }], { deadlineMs: 5_000 });
    assert.equal(code, grpc.status.UNAVAILABLE);
    assert.match(details, asks);
  });

test("client certificates: mocks answer over an HTTP/2 connection whose upstream wants one", async () => {
  await using strict = await openStrict("TLSv1.3");
  await using through = await rigTo(strict.port, null, false);
  const session = openHttp2(through);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await ask(session, "/mocked"), { status: 200, body: "mocked" });
    const { status, body } = await ask(session, "/real");
    assert.equal(status, 502);
    assert.match(body, asks);
  }
  session.destroy();
});

test("client certificates: nginx that demands one says so itself, which is relayed", {
  skip: hasTool("nginx") ? false : "needs nginx (scripts/components.sh)",
}, async () => {
  await using nginx = await openNginx();
  await using bare = await rigTo(nginx.port, null, false);
  for (const get of [getOverHttp1, getOverHttp2]) {
    const { status, body } = await get(bare);
    assert.equal(status, 400);
    assert.match(body, /No required SSL certificate was sent/);
  }
  await using shown = await rigTo(nginx.port, clients.good, false);
  assert.deepEqual(await getOverHttp1(shown), { status: 200, body: "welcome" });
});

async function openNginx() {
  const folder = mkdtempSync(join(tmpdir(), "understudy-nginx-"));
  const probe = await openServer(() => undefined);
  const { port } = probe.address;
  await probe[Symbol.asyncDispose]();
  writeFileSync(join(folder, "server.pem"), server.certificate);
  writeFileSync(join(folder, "server.key"), server.key, { mode: 0o600 });
  writeFileSync(join(folder, "clients.pem"), theirs.certificate);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off; ${temporary}
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${folder}/server.pem; ssl_certificate_key ${folder}/server.key;
    ssl_client_certificate ${folder}/clients.pem; ssl_verify_client on;
    location / { return 200 welcome; }
  }
}
`,
  );
  const child = spawn(
    "nginx",
    ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")],
    {
      stdio: "ignore",
    },
  );
  await listens(port, () => child.exitCode === null);
  return {
    port,
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once a TLS handshake there gets anywhere. */
async function listens(port: number, lives: () => boolean): Promise<void> {
  while (lives()) {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once("secureConnect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
  }
  throw new Error("nginx has ended");
}
