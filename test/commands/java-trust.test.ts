// The truststore that Java is given, read by Java's own keytool.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { jksOf, trustInJava } from "../../src/commands/java-trust.ts";
import { testAuthority } from "../support/https.ts";
import { hasTool } from "../support/understudy-process.ts";

const root = mkdtempSync(join(tmpdir(), "understudy-java-"));
after(() => rmSync(root, { recursive: true }));
let ours: string;
let theirs: string;
before(async () => {
  ours = (await testAuthority("ours")).trust;
  theirs = (await testAuthority("theirs")).trust;
});

/** A JVM whose own store is this. */
function jvm(name: string, store: Buffer): Record<string, string> {
  const home = join(root, name);
  mkdirSync(join(home, "bin"), { recursive: true });
  mkdirSync(join(home, "lib/security"), { recursive: true });
  writeFileSync(join(home, "bin/java"), "#!/bin/sh\n");
  chmodSync(join(home, "bin/java"), 0o755);
  writeFileSync(join(home, "lib/security/cacerts"), store);
  return { JAVA_HOME: home, PATH: "" };
}

const derOf = (pem: string) => new X509Certificate(pem).raw;
const noRoots = async () => assert.fail("the JVM's own store is good");

test("java: what the JVM trusts is kept, and ours is added", async () => {
  const env = { ...jvm("jks", jksOf(null, [derOf(theirs)])), JAVA_TOOL_OPTIONS: "-Xmx64m" };
  const { JAVA_TOOL_OPTIONS = "" } = await trustInJava(root, ours, env, "/", noRoots);
  const file = join(root, "truststore.jks");
  assert.ok(JAVA_TOOL_OPTIONS.startsWith(`-Xmx64m -Djavax.net.ssl.trustStore=${file} `), JAVA_TOOL_OPTIONS);
  const store = readFileSync(file);
  assert.equal(store.readUInt32BE(8), 2);
  assert.ok(store.includes(derOf(ours)) && store.includes(derOf(theirs)));
  if (!hasTool("keytool")) return; // the bytes above are what it would be asked about
  const words = ["-list", "-keystore", file, "-storepass", "changeit"];
  const listed = execFileSync("keytool", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  for (const pem of [ours, theirs])
    assert.ok(listed.includes(new X509Certificate(pem).fingerprint256), listed);
});

test("java: a store of another type is replaced by the system's roots with ours", async () => {
  const env = jvm("pkcs12", Buffer.alloc(100, 0x30));
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  await trustInJava(root, ours, env, "/", async () => theirs + broken);
  const store = readFileSync(join(root, "truststore.jks"));
  assert.equal(store.readUInt32BE(8), 2);
  assert.ok(store.includes(derOf(ours)) && store.includes(derOf(theirs)));
});

test("java: nothing is set where there is none, or where a truststore is named already", async () => {
  const empty = mkdtempSync(join(root, "empty-"));
  assert.deepEqual(await trustInJava(empty, ours, { PATH: "" }, "/", noRoots), {});
  const JAVA_TOOL_OPTIONS = "-Djavax.net.ssl.trustStore=/mine";
  assert.deepEqual(await trustInJava(empty, ours, { JAVA_TOOL_OPTIONS }, "/", noRoots), {});
  assert.equal(existsSync(join(empty, "truststore.jks")), false);
});
