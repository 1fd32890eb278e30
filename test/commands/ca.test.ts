// `understudy ca` as a user sees it.

import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { caInit, caRotate, caShow } from "../../src/commands/ca.ts";
import { authorityFolder, tlsOptionsOf } from "../../src/commands/tls-setup.ts";
import { loadConfig } from "../../src/control/config/load.ts";
import { fakeShell } from "../support/fake-shell.ts";
import { foreignAuthority } from "../support/foreign-certificates.ts";
import { testAuthority } from "../support/https.ts";

const home = mkdtempSync(join(tmpdir(), "understudy-ca-home-"));
after(() => rmSync(home, { recursive: true }));

test("ca: init, show and rotate tell the fingerprint, the files, and how to trust them", async () => {
  const shell = fakeShell({ env: { HOME: home } });
  assert.equal(await caInit.run([], shell), 0);
  const file = join(home, ".config/understudy/ca/ca.pem");
  const made = shell.out();
  for (const part of [
    file,
    "SHA-256      ",
    "curl --cacert",
    "NODE_EXTRA_CA_CERTS=",
    "SSL_CERT_FILE=",
    "certutil",
  ])
    assert.ok(made.includes(part), part);
  const again = fakeShell({ env: { HOME: home } });
  await caShow.run([], again);
  assert.equal(again.out(), made);
  await assert.rejects(caInit.run([], shell), { code: "bad_config", message: /exists already/ });
  const rotated = fakeShell({ env: { HOME: home } });
  await caRotate.run([], rotated);
  assert.match(rotated.out(), /replaced\.pem/);
  assert.ok(!rotated.out().includes(/SHA-256 +(\S+)/.exec(made)?.[1] ?? "?"));
});

test("ca: the folder is that of the flag, the variable, XDG, or the home, in this order", async () => {
  const at = (env: Record<string, string>, caDir: string | null = null) =>
    authorityFolder({ caDir }, { env, cwd: "/project" });
  assert.equal(at({ HOME: "/h" }), "/h/.config/understudy/ca");
  assert.equal(at({ HOME: "/h", XDG_CONFIG_HOME: "/x" }), "/x/understudy/ca");
  assert.equal(at({ HOME: "/h" }, "mine"), "/project/mine");
  assert.equal(at({}), null);
  await assert.rejects(caShow.run([], fakeShell()), { code: "bad_config", message: /--ca-dir/ });
  const shell = fakeShell({ env: { UNDERSTUDY_CA_DIR: join(home, "by-variable") } });
  await caInit.run([], shell);
  assert.match(shell.out(), /by-variable\/ca\.pem/);
});

test("ca: an authority that cannot be used is shown, and what is wrong with it", async () => {
  const folder = join(home, "readable");
  await caInit.run(["--ca-dir", folder], fakeShell());
  chmodSync(join(folder, "ca.key"), 0o644);
  const shell = fakeShell();
  const showing = caShow.run(["--ca-dir", folder], shell);
  await assert.rejects(showing, { code: "bad_config", message: /ca\.key: expected permissions 0600/ });
  assert.match(shell.out(), /SHA-256 {6}/);
  rmSync(join(folder, "ca.key"));
  await assert.rejects(caShow.run(["--ca-dir", folder], shell), { message: /expected the key of the auth/ });
});

test("ca: --json is JSON; a file in the way, and a folder without an authority, are errors", async () => {
  const folder = join(home, "json");
  const shell = fakeShell();
  await caInit.run(["--ca-dir", folder, "--json"], shell);
  const facts = JSON.parse(shell.out());
  assert.equal(facts.certificate, join(folder, "ca.pem"));
  assert.match(facts.sha256, /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  writeFileSync(join(home, "a-file"), "");
  await assert.rejects(caInit.run(["--ca-dir", join(home, "a-file")], fakeShell()), {
    code: "bad_config",
    message: /^--ca-dir: expected a folder, or a place where one can be made: /,
  });
  const config = await loadConfig({
    flags: new Map([
      ["tls.caDir", join(home, "misspelled")],
      ["rules", "r.yaml"],
    ]),
    env: {},
    file: undefined,
    readFile: async () => Buffer.alloc(0),
  });
  await assert.rejects(tlsOptionsOf(config, fakeShell(), testAuthority), {
    code: "bad_config",
    message: /^--ca-dir: expected a folder with an authority, got none in .*misspelled/,
  });
});

test("ca: --help is told, and secrets never are", async () => {
  for (const command of [caInit, caShow, caRotate]) {
    const shell = fakeShell();
    await command.run(["--help"], shell);
    assert.equal(shell.out(), command.help);
    assert.doesNotMatch(command.help, /PRIVATE/);
  }
});

const config = (file: string) =>
  loadConfig({
    flags: new Map([["rules", "r.yaml"]]),
    env: {},
    file: "/u.yaml",
    readFile: async () => Buffer.from(file),
  });
const none = async () => null;

test("tls setup: files that cannot be used are told by their option", async () => {
  const shell = fakeShell();
  const missing = await config("tls: {upstreamCas: [/nowhere.pem]}");
  await assert.rejects(tlsOptionsOf(missing, shell, none), {
    code: "bad_config",
    message: /^tls\.upstreamCas: expected a PEM file: ENOENT/,
  });
  const foreign = await config("tls: {clientCertificates: {bank.test: {cert: /dev/null, key: /dev/null}}}");
  await assert.rejects(tlsOptionsOf(foreign, shell, none), {
    message: /^tls\.clientCertificates\.bank\.test\.cert: .*\/dev\/null holds none/,
  });
  const passing = await testAuthority();
  assert.equal((await tlsOptionsOf(await config(""), shell, async () => passing))?.authority, passing);
  assert.equal(await tlsOptionsOf({ ...(await config("")), rules: null }, shell, none), undefined);
});

test("tls setup: a client certificate and its key belong together, and can be read", async () => {
  const folder = mkdtempSync(join(home, "pem-"));
  const authority = await foreignAuthority("clients");
  const [mine, other] = await Promise.all([
    authority.issue({ purpose: "client" }),
    authority.issue({ purpose: "client" }),
  ]);
  const pair = async (cert: string, key: string) => {
    writeFileSync(join(folder, "cert"), cert);
    writeFileSync(join(folder, "key"), key);
    return tlsOptionsOf(
      await config(`tls: {clientCertificates: {bank.test: {cert: ${folder}/cert, key: ${folder}/key}}}`),
      fakeShell(),
      none,
    );
  };
  const locked = createPrivateKey(mine.key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "p",
  });
  for (const [cert, key, message] of [
    [
      mine.certificate,
      other.key,
      /^tls\.clientCertificates\.bank\.test\.key: expected the key of the certif/,
    ],
    [mine.certificate, String(locked), /bank\.test\.key: expected a private key without a passphrase: /],
    [mine.certificate, mine.certificate, /bank\.test\.key: expected a private key /],
    [mine.key, mine.key, /bank\.test\.cert: expected a certificate: /],
  ] as const)
    await assert.rejects(pair(cert, key), { code: "bad_config", message });
  const both = `${mine.certificate}\n${mine.key}`;
  for (const [cert, key] of [
    [mine.certificate, mine.key],
    [both, both],
  ] as const)
    assert.deepEqual((await pair(cert, key))?.clientCertificates, [
      { host: "bank.test", certificate: cert, key },
    ]);
});
