// A real browser: pages over HTTPS and HTTP/2, mocked and relayed, through an explicit proxy and inside `run`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { initAuthority } from "../../src/control/ca/folder.ts";
import { systemClock } from "../../src/core/clock.ts";
import { noChromium, openChromium, visit } from "../support/chromium.ts";
import { testAuthority } from "../support/https.ts";
import { noNamespaces, startUnderstudy, understudy } from "../support/understudy-process.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-browser-"));
const rules = join(folder, "rules.yaml");
const upstreamCa = join(folder, "upstream.pem");
const visitor = fileURLToPath(new URL("../support/visit-pages.ts", import.meta.url));
const env = { HOME: folder, XDG_CONFIG_HOME: "" };
let origin: Http2SecureServer;
let port = 0;

const url = (path: string) => `https://localhost:${port}${path}`;
const mocked = { status: 402, text: "mocked", protocol: "h2" };
const real = { status: 200, text: "real /cart over 2.0", protocol: "h2" };

describe("Chromium", { skip: noChromium }, () => {
  before(async () => {
    const theirs = await testAuthority("the upstream's authority");
    const leaf = await theirs.issue("localhost");
    origin = createSecureServer(
      { cert: leaf.chain, key: leaf.key, allowHTTP1: true },
      (request, response) => {
        response.setHeader("content-type", "text/html");
        response.end(`<p>real ${request.url} over ${request.httpVersion}</p>`);
      },
    );
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    port = (origin.address() as AddressInfo).port;
    writeFileSync(upstreamCa, theirs.trust);
    writeFileSync(
      rules,
      "version: 1\nrules:\n  - name: paid\n    matches: [{host: localhost, path: /pay}]\n" +
        "    respond: {status: 402, headers: {content-type: text/html}, body: <p>mocked</p>}\n",
    );
  });
  after(() => {
    origin.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("through `understudy proxy`, with the user's authority: mocked and relayed over h2", async (context) => {
    const { certificateFile } = await initAuthority(join(folder, "ca"), "A user", systemClock);
    const words = ["proxy", "--listen", "127.0.0.1:0", "--admin", "off", "--rules", rules, "--json"];
    const tls = ["--ca-dir", join(folder, "ca"), "--upstream-cas", upstreamCa];
    const running = startUnderstudy([...words, ...tls], { env });
    context.after(() => running.process.kill("SIGKILL"));
    const [, place = ""] = await running.seen("stdout", /"proxy":"([^"]+)"/);
    const proxy = `http://${place}`;
    {
      await using browser = await openChromium({ proxy, trust: readFileSync(certificateFile, "utf8") });
      const page = await browser.newPage();
      assert.deepEqual(await visit(page, url("/pay")), mocked);
      assert.deepEqual(await visit(page, url("/cart")), real);
    }
    {
      await using stranger = await openChromium({ proxy });
      const page = await stranger.newPage();
      await assert.rejects(visit(page, url("/pay")), /ERR_CERT_AUTHORITY_INVALID/);
    }
    running.process.kill("SIGTERM");
    const { code, stdout } = await running.finished;
    assert.equal(code, 0);
    assert.match(stdout, /"path":"\/pay".*"outcome":"mocked"/);
  });

  test("inside `understudy run`: mocked and relayed over h2", { skip: noNamespaces }, async () => {
    const words = ["run", "--rules", rules, "--upstream-cas", upstreamCa, "--", process.execPath, visitor];
    const { code, stdout, stderr } = await understudy([...words, url("/pay"), url("/cart")], { env });
    assert.deepEqual(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
      [mocked, real],
      stderr,
    );
    assert.match(stderr, /\/pay → 402 mocked by paid/);
    assert.equal(code, 0);
  });
});
