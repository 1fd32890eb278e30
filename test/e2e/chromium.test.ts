// A real browser: pages over HTTPS and HTTP/2, mocked and relayed, through an explicit proxy and inside `run`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

  test("inside `understudy run`, with a home that knows nothing of us: mocked, and its database is as before", {
    skip: noNamespaces,
  }, async () => {
    const home = join(folder, "home");
    const [fresh, used] = [join(home, ".pki/nssdb"), join(home, ".local/share/pki/nssdb")];
    for (const database of [fresh, used]) mkdirSync(database, { recursive: true });
    execFileSync("certutil", ["-d", `sql:${used}`, "-N", "--empty-password"]);
    const dump = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    const words = ["run", "--rules", rules, "--", ...dump, "--dump-dom", url("/pay")];
    const list = `certutil -d sql:${used} -L; certutil -d sql:${fresh} -L; exec "$@"`;
    const { stdout, stderr } = await understudy(
      [...words.slice(0, 4), "sh", "-c", list, "sh", ...words.slice(4)],
      { env: { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: "", TMPDIR: folder } },
    );
    assert.match(stdout, /<p>mocked<\/p>/, stderr);
    assert.equal(stdout.match(/understudy-run-0 +C,,/g)?.length, 2, stdout);
    assert.deepEqual(readdirSync(fresh), []);
    const kept = execFileSync("certutil", ["-d", `sql:${used}`, "-L"], { encoding: "utf8" });
    assert.doesNotMatch(kept, /understudy/);
  });
});
