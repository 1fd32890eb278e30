// The user's authority on disk: made once, kept secret, replaced without a gap.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { passingAuthority } from "../../../src/control/ca/authority.ts";
import { initAuthority, openAuthority, readFacts, rotateAuthority } from "../../../src/control/ca/folder.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { UnderstudyError } from "../../../src/core/errors.ts";

const root = mkdtempSync(join(tmpdir(), "understudy-ca-"));
after(() => rmSync(root, { recursive: true }));
const day = 86_400_000;
const clockAt = (afterMs: number) => ({ wall: () => Date.now() + afterMs });

async function refused(work: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await work.then(
    () => assert.fail("was accepted"),
    (thrown) => thrown,
  );
  assert.ok(error instanceof UnderstudyError, String(error));
  assert.equal(error.code, "bad_config");
  assert.match(error.message, message);
}

test("ca: a new authority has a key for its owner alone, and a year", async () => {
  const folder = join(root, "new", "deeper");
  const facts = await initAuthority(folder, "Test of a", systemClock);
  assert.equal(statSync(join(folder, "ca.key")).mode & 0o777, 0o600);
  const certificate = new X509Certificate(readFileSync(facts.certificateFile));
  assert.equal(certificate.ca, true);
  assert.equal(certificate.fingerprint256, facts.fingerprint);
  assert.ok(certificate.publicKey.asymmetricKeyDetails?.namedCurve === "prime256v1");
  const days = (facts.notAfter.getTime() - Date.now()) / day;
  assert.ok(days > 364 && days <= 365, String(days));
  assert.match(facts.subject, /Test of a/);
});

test("ca: what exists is not overwritten", async () => {
  const folder = join(root, "kept");
  const facts = await initAuthority(folder, "a", systemClock);
  await refused(initAuthority(folder, "b", systemClock), /exists already.*ca show.*ca rotate/);
  assert.deepEqual(await readFacts(folder, systemClock), facts);
});

test("ca: a leaf is for its name alone, for a day, and signed by the authority", async () => {
  const folder = join(root, "leaf");
  await initAuthority(folder, "a", systemClock);
  const authority = await openAuthority(folder, systemClock);
  assert.ok(authority);
  const issuer = new X509Certificate(authority.trust);
  for (const [name, san] of [
    ["shop.test", "DNS:shop.test"],
    ["10.1.2.3", "IP Address:10.1.2.3"],
    ["::1", "IP Address:0:0:0:0:0:0:0:1"],
    [`${"a".repeat(63)}.${"b".repeat(63)}.test`, /^DNS:a+\.b+\.test$/],
  ] as const) {
    const leaf = await authority.issue(name);
    const certificate = new X509Certificate(leaf.chain);
    if (typeof san === "string") assert.equal(certificate.subjectAltName, san);
    else assert.match(certificate.subjectAltName ?? "", san);
    assert.equal(certificate.ca, false);
    assert.ok(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer));
    assert.ok(Date.parse(certificate.validTo) - Date.now() <= day);
    assert.ok(leaf.renewAtMs > Date.now() && leaf.renewAtMs < Date.parse(certificate.validTo));
  }
});

test("ca: no leaf outlives its authority", async () => {
  const folder = join(root, "late");
  await initAuthority(folder, "a", systemClock);
  const authority = await openAuthority(folder, clockAt(364.5 * day));
  const certificate = new X509Certificate((await authority?.issue("shop.test"))?.chain ?? "");
  const { notAfter } = await readFacts(folder, systemClock);
  assert.equal(Date.parse(certificate.validTo), notAfter.getTime());
  await refused(openAuthority(folder, clockAt(366 * day)), /ended on .*understudy ca rotate/);
});

test("ca: rotating keeps the old certificate trusted until its leaves are gone", async () => {
  const folder = join(root, "rotated");
  const before = await initAuthority(folder, "a", systemClock);
  const old = readFileSync(before.certificateFile, "utf8").trim();
  const facts = await rotateAuthority(folder, "a", systemClock);
  assert.notEqual(facts.fingerprint, before.fingerprint);
  assert.equal(facts.keepsReplaced, true);
  const authority = await openAuthority(folder, systemClock);
  assert.ok(authority?.trust.includes(old));
  assert.equal((await openAuthority(folder, clockAt(8 * day)))?.trust.includes(old), false);
  assert.equal(statSync(join(folder, "ca.key")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).sort(), ["ca.key", "ca.pem", "replaced.pem"]);
});

test("ca: a key that others may read is refused, with the way out", async () => {
  const folder = join(root, "open");
  await initAuthority(folder, "a", systemClock);
  chmodSync(join(folder, "ca.key"), 0o640);
  await refused(
    openAuthority(folder, systemClock),
    /ca\.key: expected permissions 0600, got 0640.*chmod 600/,
  );
});

test("ca: files that are missing, foreign or broken are told by name", async () => {
  assert.equal(await openAuthority(join(root, "nowhere"), systemClock), null);
  await refused(readFacts(join(root, "nowhere"), systemClock), /ca\.pem: there is no authority.*ca init/);
  await refused(rotateAuthority(join(root, "nowhere"), "a", systemClock), /ca init/);
  const folder = join(root, "broken");
  await initAuthority(folder, "a", systemClock);
  const other = join(root, "other");
  await initAuthority(other, "a", systemClock);
  writeFileSync(join(folder, "ca.key"), readFileSync(join(other, "ca.key")));
  await refused(openAuthority(folder, systemClock), /ca\.key: .*does not belong to the certificate/);
  writeFileSync(join(folder, "ca.key"), "nothing");
  await refused(
    openAuthority(folder, systemClock),
    /ca\.key: expected the key of .*: it holds no private key in PEM/,
  );
  rmSync(join(folder, "ca.key"));
  await refused(openAuthority(folder, systemClock), /ca\.key: expected the key/);
  writeFileSync(join(folder, "ca.pem"), "nothing");
  await refused(readFacts(folder, systemClock), /ca\.pem: expected a PEM certificate/);
});

test("ca: a passing authority is written nowhere, and no two are alike", async () => {
  const [one, other] = await Promise.all([
    passingAuthority("a", systemClock),
    passingAuthority("a", systemClock),
  ]);
  assert.notEqual(one.trust, other.trust);
  assert.ok(!JSON.stringify(one).includes("PRIVATE"));
});

test("ca: a place where nothing can be written is an error that names it", async () => {
  const place = "--ca-dir: expected a folder, or a place where one can be made: ";
  await refused(initAuthority("/proc/nope/ca", "Test", systemClock), new RegExp(`^${place}ENOENT`));
  const unwritable = /^--ca-dir: the authority cannot be written: ENOENT: .*'\/proc\/ca\.key'/;
  await refused(initAuthority("/proc", "Test", systemClock), unwritable);
  const folder = join(root, "cannot-rotate");
  await initAuthority(folder, "Test", systemClock);
  mkdirSync(join(folder, "replaced.pem.new"));
  await refused(
    rotateAuthority(folder, "Test", systemClock),
    /^--ca-dir: the authority cannot be written: EISDIR/,
  );
});
