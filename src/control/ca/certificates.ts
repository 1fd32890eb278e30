// X.509 certificates of a private authority (RFC 5280): EC P-256 keys, an authority for a year, leaves for a day.
// Where the key is kept is not known here.

import "reflect-metadata"; // what @peculiar/x509 registers its algorithms with
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Leaf } from "../../core/certificates.ts";

const hourMs = 3_600_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export const authorityLifetimeMs = 365 * 24 * hourMs;
export const leafLifetimeMs = 24 * hourMs;
/** A client whose clock is a little behind takes a certificate that was made this moment. */
const backdatedMs = hourMs;

export type KeyPair = webcrypto.CryptoKeyPair;

/** Certificate and private key of an authority. */
export interface AuthorityPair {
  /** PEM. */
  readonly certificate: string;
  readonly keys: KeyPair;
}

export function newKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** A self-signed authority. `name` stands in its subject, for people who look through what they trust. */
export async function newAuthority(name: string, nowMs: number): Promise<AuthorityPair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: newSerial(),
      name: [{ CN: [name] }, { O: ["Understudy"] }],
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(nowMs + authorityLifetimeMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        // Path length 0: it signs leaves alone.
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString("pem"), keys };
}

/** A server certificate for one DNS name or IP address. `leafKeys` may be shared by all leaves of a process. */
export async function newLeaf(
  authority: AuthorityPair,
  name: string,
  leafKeys: KeyPair,
  nowMs: number,
): Promise<Leaf> {
  const issuer = new X509Certificate(authority.certificate);
  const notAfterMs = Math.min(nowMs + leafLifetimeMs, issuer.notAfter.getTime());
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      // RFC 6125 §6.4.4: the name is in the SAN; a subject of more than 64 characters is not allowed (RFC 5280).
      subject: [{ O: ["Understudy"] }],
      issuer: issuer.subject,
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(notAfterMs),
      signingAlgorithm: algorithm,
      publicKey: leafKeys.publicKey,
      signingKey: authority.keys.privateKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type: isIP(name) === 0 ? "dns" : "ip", value: name }]),
        await AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
        await SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
      ],
    },
    webcrypto,
  );
  return {
    chain: `${certificate.toString("pem")}\n`,
    key: await privateKeyPem(leafKeys),
    renewAtMs: nowMs + (notAfterMs - nowMs) / 2,
  };
}

/** PKCS #8. */
export async function privateKeyPem({ privateKey }: KeyPair): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY")}\n`;
}

/** The pair from PEM texts. Throws where they are not an EC P-256 key with the certificate that belongs to it. */
export async function readAuthority(certificate: string, key: string): Promise<AuthorityPair> {
  const parsed = new X509Certificate(certificate);
  const publicKey = await parsed.publicKey.export(algorithm, ["verify"], webcrypto);
  const [der] = PemConverter.decode(key);
  if (!der) throw new Error("no PRIVATE KEY in it");
  const privateKey = await webcrypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]);
  const probe = randomBytes(16);
  const signature = await webcrypto.subtle.sign(algorithm, privateKey, probe);
  if (!(await webcrypto.subtle.verify(algorithm, publicKey, signature, probe))) {
    throw new Error("the key does not belong to the certificate");
  }
  return { certificate, keys: { publicKey, privateKey } };
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets, and not to be guessed. */
function newSerial(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40;
  return octets.toString("hex");
}
