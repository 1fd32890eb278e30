// Authorities that the user brings: other keys than our own have, and certificates that stand in a chain.

import "reflect-metadata"; // what @peculiar/x509 registers its algorithms with
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, webcrypto, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ConnectionOptions, connect, createServer } from "node:tls";
import {
  BasicConstraintsExtension,
  Name,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { openAuthority } from "../../../src/control/ca/folder.ts";
import type { Authority, LeafKey } from "../../../src/core/certificates.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { UnderstudyError } from "../../../src/core/errors.ts";

const root = mkdtempSync(join(tmpdir(), "understudy-own-ca-"));
after(() => rmSync(root, { recursive: true }));

interface Made {
  /** PEM. */
  readonly certificate: string;
  readonly name: Name;
  readonly key: KeyObject;
  readonly signing: webcrypto.CryptoKey;
  readonly hash: string;
}

type Kind = "rsa" | "P-256" | "P-384" | "P-521";
const hashes = { rsa: "SHA-256", "P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512" };

/** As a company's tools would make it: other string types in the name than ours, and a key identifier of its own. */
async function make(kind: Kind, common: string, issuer: Made | null, isAuthority = true): Promise<Made> {
  const { privateKey, publicKey } =
    kind === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2_048 })
      : generateKeyPairSync("ec", { namedCurve: kind });
  const hash = hashes[kind];
  const algorithm =
    kind === "rsa" ? { name: "RSASSA-PKCS1-v1_5", hash } : { name: "ECDSA", namedCurve: kind };
  const signing = privateKey.toCryptoKey(algorithm, true, ["sign"]);
  const name = new Name([{ CN: [{ printableString: common }] }, { O: [{ utf8String: "Company" }] }]);
  const certificate = await X509CertificateGenerator.create(
    {
      subject: name,
      issuer: issuer?.name ?? name,
      publicKey: publicKey.toCryptoKey(algorithm, true, ["verify"]),
      signingKey: issuer?.signing ?? signing,
      signingAlgorithm: { name: algorithm.name, hash: issuer?.hash ?? hash },
      extensions: [
        new BasicConstraintsExtension(isAuthority, undefined, true),
        new SubjectKeyIdentifierExtension(Buffer.from(`key of ${common}`).toString("hex")),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString("pem")}\n`, name, key: privateKey, signing, hash };
}

function folderWith(certificates: readonly Made[], key: string | Buffer): string {
  const folder = mkdtempSync(join(root, "ca-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "ca.pem"), certificates.map(({ certificate }) => certificate).join(""));
  writeFileSync(join(folder, "ca.key"), key, { mode: 0o600 });
  return folder;
}

async function opened(certificates: readonly Made[], key: string | Buffer): Promise<Authority> {
  const authority = await openAuthority(folderWith(certificates, key), systemClock);
  assert.ok(authority);
  return authority;
}

const pkcs8 = ({ key }: Made) => key.export({ format: "pem", type: "pkcs8" });

/** What a client sees of a server with that leaf; rejects where it does not trust it. */
async function greet(authority: Authority, key: LeafKey, options: ConnectionOptions): Promise<string> {
  const leaf = await authority.issue("shop.test", key);
  const server = createServer({ cert: leaf.chain, key: leaf.key });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, servername: "shop.test", ...options });
  try {
    await once(client, "secureConnect");
    return client.getPeerX509Certificate()?.publicKey.asymmetricKeyType ?? "none";
  } finally {
    client.destroy();
    server.close();
  }
}

for (const kind of ["rsa", "P-256", "P-384", "P-521"] as const) {
  test(`own authority: a key of ${kind} signs leaves of both kinds, which clients trust`, async () => {
    const made = await make(kind, "Root", null);
    const authority = await opened([made], pkcs8(made));
    assert.equal(await greet(authority, "ec", { ca: made.certificate }), "ec");
    assert.equal(await greet(authority, "rsa", { ca: made.certificate }), "rsa");
    const issuer = new X509Certificate(made.certificate);
    for (const key of ["ec", "rsa"] as const) {
      const leaf = new X509Certificate((await authority.issue("shop.test", key)).chain);
      assert.ok(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey));
      // Go compares bytes.
      for (const encoded of ["\x13\x04Root", "\x0c\x07Company"])
        assert.ok(
          leaf.raw.includes(Buffer.from(encoded, "latin1")),
          "the issuer's name as it is encoded there",
        );
    }
  });
}

test("own authority: with an RSA key it serves clients that verify RSA alone", async () => {
  const made = await make("rsa", "Root", null);
  const authority = await opened([made], pkcs8(made));
  const leaf = new X509Certificate((await authority.issue("shop.test", "rsa")).chain);
  assert.equal(leaf.signatureAlgorithm, "sha256WithRSAEncryption");
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
});

test("own authority: one in between is shown with each leaf, so that clients need to trust the root alone", async () => {
  const top = await make("P-384", "Root", null);
  const upper = await make("rsa", "Upper", top);
  const lower = await make("P-256", "Lower", upper);
  const authority = await opened([lower, upper, top], pkcs8(lower));
  assert.equal(await greet(authority, "ec", { ca: top.certificate }), "ec");
  assert.equal(
    (await authority.issue("shop.test")).chain.match(/BEGIN/g)?.length,
    3,
    "the root is not shown",
  );
  assert.equal(authority.trust.match(/BEGIN/g)?.length, 3);
  const alone = await opened([lower], pkcs8(lower));
  await assert.rejects(greet(alone, "ec", { ca: top.certificate }), /unable to verify|unable to get/);
});

test("own authority: keys in the forms that OpenSSL has written over the years", async () => {
  const [rsa, ec] = await Promise.all([make("rsa", "Root", null), make("P-256", "Root", null)]);
  for (const [made, type] of [
    [rsa, "pkcs1"],
    [ec, "sec1"],
  ] as const) {
    const pem =
      type === "pkcs1" ? made.key.export({ format: "pem", type }) : made.key.export({ format: "pem", type });
    const authority = await opened([made], `some text before\n${pem}`);
    assert.equal(await greet(authority, "ec", { ca: made.certificate }), "ec");
  }
});

test("own authority: what cannot sign leaves is told, with what could", async () => {
  const made = await make("P-256", "Root", null);
  const leaf = await make("P-256", "No authority", null, false);
  const pem = (key: KeyObject) => key.export({ format: "pem", type: "pkcs8" });
  const small = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
  const odd = generateKeyPairSync("ed25519").privateKey;
  const rare = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey;
  const locked = made.key.export({
    format: "pem",
    type: "pkcs8",
    cipher: "aes-128-cbc",
    passphrase: "secret",
  });
  const expected = "RSA of 2048 bits or more, or EC on P-256, P-384 or P-521";
  for (const [certificates, key, told] of [
    [[made], pem(small), `${expected}: it is of the kind rsa of 1024 bits`],
    [[made], pem(odd), `${expected}: it is of the kind ed25519`],
    [[made], pem(rare), `${expected}: it is of the kind ec on secp256k1`],
    [[made], locked, `${expected}: it holds no private key in PEM that can be read without a passphrase`],
    [
      [leaf, made],
      pkcs8(leaf),
      "ca.pem: expected the certificate of an authority first (basic constraints: CA), got that of CN=No authority, O=Company",
    ],
  ] as const) {
    const error = await openAuthority(folderWith(certificates, key), systemClock).catch((thrown) => thrown);
    assert.ok(error instanceof UnderstudyError && error.code === "bad_config", String(error));
    assert.ok(error.message.endsWith(told), error.message);
  }
});
