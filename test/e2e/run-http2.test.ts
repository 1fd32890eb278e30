// HTTP/2 of real clients through `understudy run`: inside TLS and with prior knowledge, mocked, delayed and relayed on
// one connection.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { aroundTests } from "../support/around-tests.ts";
import { testAuthority } from "../support/https.ts";
import { hasTool, noNamespaces, understudy } from "../support/understudy-process.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-http2-"));
const rules = join(folder, "rules.yaml");
const upstreamCa = join(folder, "upstream.pem");
const open: (Http2Server | Http2SecureServer)[] = [];
let secure = 0;
let plain = 0;

function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
  response.end(`real ${request.url} ${request.httpVersion}\n`);
}

async function listening(server: Http2Server | Http2SecureServer): Promise<number> {
  open.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

aroundTests(
  async () => {
    const authority = await testAuthority("the upstream's authority");
    const leaf = await authority.issue("localhost");
    writeFileSync(upstreamCa, authority.trust);
    writeFileSync(
      rules,
      "version: 1\nrules:\n" +
        '  - {name: paid, matches: [{host: localhost, path: /pay}], respond: {status: 402, body: "mocked\\n"}}\n' +
        "  - {name: slow, matches: [{host: localhost, path: /slow}], fault: {delay: 30ms}}\n",
    );
    secure = await listening(createSecureServer({ cert: leaf.chain, key: leaf.key }, answer));
    plain = await listening(createServer(answer));
  },
  () => {
    for (const server of open) server.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

const run = (...command: readonly string[]) =>
  understudy(["run", "--rules", rules, "--upstream-cas", upstreamCa, "--", ...command], {
    env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "" },
  });
const paths = ["/pay", "/a", "/slow", "/b"];
const expected = "mocked\nreal /a 2.0\nreal /slow 2.0\nreal /b 2.0\n";

describe("run: HTTP/2 of an unmodified program", { skip: noNamespaces }, () => {
  const noCurl = hasTool("curl") ? false : "needs curl (scripts/components.sh)";
  const noNghttp = hasTool("nghttp") ? false : "needs nghttp (scripts/components.sh)";

  test("curl inside TLS: the ALPN that both ends speak is kept", { skip: noCurl }, async () => {
    const urls = paths.map((path) => `https://localhost:${secure}${path}`);
    const { stdout, stderr, code } = await run("curl", "-sS", "--http2", "-w", "", ...urls);
    assert.equal(stdout, expected, stderr);
    assert.match(stderr, /\/pay → 402 mocked by paid/);
    assert.match(stderr, /\/slow → 200 relayed, delayed by slow/);
    assert.equal(code, 0);
  });

  test("curl with prior knowledge", { skip: noCurl }, async () => {
    // One call each: curl 7.88 fails by itself where such a connection is used again.
    const calls = paths.map((path) => `curl -sS --http2-prior-knowledge http://localhost:${plain}${path}`);
    const { stdout, stderr } = await run("sh", "-c", calls.join("; "));
    assert.equal(stdout, expected, stderr);
  });

  test("nghttp: several streams at once", { skip: noNghttp }, async () => {
    const urls = paths.map((path) => `http://localhost:${plain}${path}`);
    const { stdout, stderr } = await run("nghttp", ...urls);
    assert.deepEqual(
      stdout.split("\n").filter(Boolean).sort(),
      expected.split("\n").filter(Boolean).sort(),
      stderr,
    );
  });
});
