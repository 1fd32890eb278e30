// Which leaf a client can be shown, from what its ClientHello offers. Pure.
//
//   TLS 1.3, or 1.2 with a suite and a group for it, and ECDSA on P-256 ──► the EC leaf: nearly every client
//   anything else that could be signed with one of our keys ──► EC and RSA, of which OpenSSL takes what fits
//   none of it ──► no leaf: it could not be opened
//
// RFC 8446 §4.2.1, §4.2.3; RFC 5246 §7.4.1.4.1; RFC 8422 §5.1.

import type { Offers } from "./client-offers.ts";

/** `version`, `signature`: none fits, since the client speaks too old a version of TLS, or takes no signature of ours. */
export type SuitableLeaf = "ec" | "either" | "version" | "signature";

const tls12 = 0x0303;
const tls13 = 0x0304;
const p256 = 23;
const ecdsaP256Sha256 = 0x0403;
/** With SHA-256, SHA-384, SHA-512. In TLS 1.2 the curve is not part of it. */
const ecdsa = [ecdsaP256Sha256, 0x0503, 0x0603];
/** rsa_pss_rsae_*: the only ones of RSA in handshakes of TLS 1.3. */
const rsaPss = [0x0804, 0x0805, 0x0806];
const rsaPkcs1 = [0x0401, 0x0501, 0x0601];
/** ECDHE_ECDSA with AES-GCM, ChaCha20 and AES-CBC. */
const ecdsaSuites = [0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009, 0xc00a];
/** The client encrypts a secret for the server's RSA key, and nothing is signed. */
const unsignedSuites = [0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035];

export function suitableLeaf(offers: Offers): SuitableLeaf {
  const { versions, signatures } = offers;
  if (versions?.includes(tls13)) {
    if (signatures === null || signatures.includes(ecdsaP256Sha256)) return "ec";
    return shares(signatures, rsaPss) ? "either" : "signature";
  }
  const speaks12 = versions ? versions.includes(tls12) : offers.legacyVersion >= tls12;
  if (!speaks12) return "version";
  if (signatures === null) return "either"; // it does not say
  if (shares(signatures, ecdsa) && shares(offers.suites, ecdsaSuites) && takesP256(offers)) return "ec";
  const isTaken = shares(signatures, [...ecdsa, ...rsaPss, ...rsaPkcs1]);
  return isTaken || shares(offers.suites, unsignedSuites) ? "either" : "signature";
}

/** Before TLS 1.3 the groups are also those of the certificate's key. */
function takesP256({ groups }: Offers): boolean {
  return groups === null || groups.includes(p256);
}

function shares(offered: readonly number[], known: readonly number[]): boolean {
  return known.some((number) => offered.includes(number));
}
