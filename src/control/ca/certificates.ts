// X.509 certificates of a private authority (RFC 5280): one of our own lives for a year, leaves for a day. One that the user
// brings may stand in a chain. Where its key is kept is not known here.

import "reflect-metadata"; // what @peculiar/x509 registers its algorithms with
import { X509Certificate as CheckedCertificate, createPrivateKey, randomBytes, webcrypto } from "node:crypto";
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
import { type KeyPair, newKeys, privateKeyPem, readKeys, signingAlgorithmOf } from "./keys.ts";

const hourMs = 3_600_000;

export const authorityLifetimeMs = 365 * 24 * hourMs;
export const leafLifetimeMs = 24 * hourMs;
/** A client whose clock is a little behind takes a certificate that was made this moment. */
const backdatedMs = hourMs;

/** Certificate and private key of an authority. */
export interface AuthorityPair {
  /** PEM; those of the authorities above it may follow. */
  readonly certificate: string;
  readonly keys: KeyPair;
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
      signingAlgorithm: signingAlgorithmOf(keys.privateKey),
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
  const [issuer, ...above] = certificatesIn(authority.certificate);
  const notAfterMs = Math.min(nowMs + leafLifetimeMs, issuer.notAfter.getTime());
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      // RFC 6125 §6.4.4: the name is in the SAN; a subject of more than 64 characters is not allowed (RFC 5280).
      subject: [{ O: ["Understudy"] }],
      issuer: issuer.subjectName, // as it is encoded there: some clients compare the bytes
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(notAfterMs),
      signingAlgorithm: signingAlgorithmOf(authority.keys.privateKey),
      publicKey: leafKeys.publicKey,
      signingKey: authority.keys.privateKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(usageOf(leafKeys), true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type: isIP(name) === 0 ? "dns" : "ip", value: name }]),
        await issuerIdentifier(issuer),
        await SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
      ],
    },
    webcrypto,
  );
  // RFC 8446 §4.4.2: whoever trusts what has signed itself has it already.
  const shown = [certificate, ...[issuer, ...above].filter((one) => one.subject !== one.issuer)];
  return {
    chain: `${shown.map((one) => one.toString("pem")).join("\n")}\n`,
    key: privateKeyPem(leafKeys),
    renewAtMs: nowMs + (notAfterMs - nowMs) / 2,
  };
}

/** An RSA key decrypts as well, for clients that know no other way to agree on keys (RFC 5246 §7.4.2). */
function usageOf({ publicKey }: KeyPair): KeyUsageFlags {
  const { digitalSignature, keyEncipherment } = KeyUsageFlags;
  return publicKey.algorithm.name === "ECDSA" ? digitalSignature : digitalSignature | keyEncipherment;
}

/** What the issuer calls its key, which need not be the hash that we would take (RFC 5280 §4.2.1.2). */
async function issuerIdentifier(issuer: X509Certificate): Promise<AuthorityKeyIdentifierExtension> {
  const own = issuer.getExtension(SubjectKeyIdentifierExtension);
  return own
    ? new AuthorityKeyIdentifierExtension(own.keyId)
    : await AuthorityKeyIdentifierExtension.create(issuer.publicKey);
}

/** The pair from PEM texts. Throws where they cannot sign leaves, or do not belong to each other. */
export async function readAuthority(certificate: string, key: string): Promise<AuthorityPair> {
  const keys = await readKeys(key);
  const parsed = new CheckedCertificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key)))
    throw new Error("the key does not belong to the certificate");
  return { certificate, keys };
}

/** Those of a PEM text in their order, the authority's own first. */
function certificatesIn(pem: string): readonly [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = PemConverter.decode(pem).map((der) => new X509Certificate(der));
  if (!first) throw new Error("no CERTIFICATE in it");
  return [first, ...others];
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets, and not to be guessed. */
function newSerial(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40;
  return octets.toString("hex");
}
