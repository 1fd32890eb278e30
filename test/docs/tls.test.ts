// What docs/tls.md says: its config is one, and callers read the words that it lists.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openAuthority } from "../../src/control/ca/folder.ts";
import { loadConfig } from "../../src/control/config/load.ts";
import { allOptions, flagOf } from "../../src/control/config/options.ts";
import { systemClock } from "../../src/core/clock.ts";
import { type TlsAttempt, tlsFailureText } from "../../src/proxy/relay/tls-failure.ts";
import { hasTool } from "../support/understudy-process.ts";

const page = readFileSync(new URL("../../docs/tls.md", import.meta.url), "utf8");

test("docs/tls.md: its config is read as it stands, and its flags exist", async () => {
  const file = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const { tls, settings } = await loadConfig({
    flags: new Map(),
    env: {},
    file: "/understudy.yaml",
    readFile: async () => Buffer.from(file),
  });
  assert.deepEqual(
    [tls.caDir, tls.upstreamCas, tls.insecureUpstream, [...tls.clientCertificates], settings.opaqueHosts],
    [
      "/ca",
      ["/company-ca.pem"],
      ["old.shop"],
      [["bank.test", { cert: "/me.pem", key: "/me.key" }]],
      ["vault.internal"],
    ],
  );
  const flags = new Set(allOptions.map(({ key }) => flagOf(key)));
  for (const [flag] of page.matchAll(/(?<=`)--[a-z-]+/g)) assert.ok(flags.has(flag), flag);
});

test("docs/tls.md: the authority that it has one bring is one", {
  skip: hasTool("openssl") ? false : "needs openssl",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-docs-tls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "ca"));
  const script = /```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  execFileSync("sh", ["-ec", script], { cwd: folder, stdio: "ignore" });
  const authority = await openAuthority(join(folder, "ca"), systemClock);
  const leaf = new X509Certificate((await authority?.issue("shop.test", "rsa"))?.chain ?? "");
  assert.ok(leaf.verify(new X509Certificate(authority?.trust ?? "").publicKey));
  assert.equal(leaf.issuer, "CN=Understudy of ours");
});

test("docs/tls.md: what it says of upstreams is what callers read", () => {
  const aim = { upstream: { host: "10.0.0.1", port: 443 }, serverName: "shop.test", protocols: ["h2"] };
  const alert = (number: number) => new Error(`error:0A:SSL routines:x:y:z.c:1:SSL alert number ${number}`);
  const coded = (code: string) => Object.assign(new Error(code), { code });
  const unsafe = (message: string) => Object.assign(new Error(message), { code: "UNSPECIFIED" });
  const elsewhere = Object.assign(coded("ERR_TLS_CERT_ALTNAME_INVALID"), {
    cert: { subjectaltname: "DNS:shop.example" },
  });
  const attempts: readonly (readonly [Error, Partial<TlsAttempt>])[] = [
    [coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), {}],
    [coded("DEPTH_ZERO_SELF_SIGNED_CERT"), {}],
    [coded("CERT_HAS_EXPIRED"), {}],
    [unsafe("EE certificate key too weak"), {}],
    [unsafe("CA signature digest algorithm too weak"), {}],
    [elsewhere, {}],
    [alert(116), { asked: true }],
    [alert(48), { asked: true, shown: "shop.test" }],
    [alert(40), {}],
    [alert(70), {}],
    [alert(112), {}],
    [alert(120), {}],
    [coded("ERR_SSL_WRONG_VERSION_NUMBER"), {}],
  ];
  const rows = page.split("\n").filter((line) => /^\| (?:the certificate of|…|shop\.test) /.test(line));
  assert.equal(rows.length, attempts.length);
  for (const [at, [error, parts]] of attempts.entries()) {
    const text = tlsFailureText(error, { aim, asked: false, shown: null, ...parts });
    const [words = ""] = rows[at]?.replace(/^\| (?:… )?/, "").split(" |") ?? [];
    assert.ok(text.includes(words), `${text}\n${words}`);
  }
});
