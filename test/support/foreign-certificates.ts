// Certificates that our own authority would never make: for clients, out of date, for the wrong purpose, too weak.

import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type AuthorityPair, newAuthority } from "../../src/control/ca/certificates.ts";
import { newKeys, privateKeyPem } from "../../src/control/ca/keys.ts";
import { systemClock } from "../../src/core/clock.ts";

const dayMs = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface ForeignCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface ForeignAuthority {
  /** PEM. */
  readonly certificate: string;
  /** For `client.test` or `shop.test`. `fromDays` and `toDays`: when it is valid, from today on. */
  issue(how: Wanted): Promise<ForeignCertificate>;
}

interface Wanted {
  readonly purpose: "client" | "server";
  readonly fromDays?: number;
  readonly toDays?: number;
  /** Of an RSA key; left out: an EC key. */
  readonly rsaBits?: number;
  /** What is signed of it; left out: SHA-256. */
  readonly hash?: string;
}

/** Valid since a month ago, so that what has expired had a time. */
export async function foreignAuthority(name: string): Promise<ForeignAuthority> {
  const now = systemClock.wall();
  const pair = await newAuthority(name, now - 30 * dayMs);
  return {
    certificate: pair.certificate,
    issue: (wanted) => issue(pair, wanted, now),
  };
}

async function issue(
  authority: AuthorityPair,
  { purpose, fromDays = -1, toDays = 1, rsaBits, hash = "SHA-256" }: Wanted,
  nowMs: number,
): Promise<ForeignCertificate> {
  const keys = rsaBits === undefined ? await newKeys() : await rsaKeys(rsaBits);
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=${purpose}`,
      issuer: new X509Certificate(authority.certificate).subject,
      notBefore: new Date(nowMs + fromDays * dayMs),
      notAfter: new Date(nowMs + toDays * dayMs),
      signingAlgorithm: { ...algorithm, hash },
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage[`${purpose}Auth`]]),
        new SubjectAlternativeNameExtension([
          { type: "dns", value: purpose === "client" ? "client.test" : "shop.test" },
        ]),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString("pem"), key: privateKeyPem(keys) };
}

function rsaKeys(modulusLength: number): Promise<webcrypto.CryptoKeyPair> {
  const wanted = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength };
  const publicExponent = new Uint8Array([1, 0, 1]);
  return webcrypto.subtle.generateKey({ ...wanted, publicExponent }, true, ["sign", "verify"]);
}

/** A server's certificate for `shop.test` that no authority stands behind. */
export async function selfSigned(): Promise<ForeignCertificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=alone",
      signingAlgorithm: algorithm,
      keys,
      extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "shop.test" }])],
    },
    webcrypto,
  );
  return { certificate: certificate.toString("pem"), key: privateKeyPem(keys) };
}
