// Keys of a private authority and of its leaves, and how each signs (RFC 5480, RFC 8017).

import { createPrivateKey, createPublicKey, KeyObject, webcrypto } from "node:crypto";
import type { LeafKey } from "../../core/certificates.ts";

export type KeyPair = webcrypto.CryptoKeyPair;

/** As the web's cryptography wants it told, with the hash that is signed. */
export interface SigningAlgorithm {
  readonly name: string;
  readonly hash: string;
  /** Of EC alone. */
  readonly namedCurve?: string;
  /** RFC 8446 §4.2.3. */
  readonly scheme: number;
}

const p256: SigningAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256", scheme: 0x0403 };
const rsa: SigningAlgorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", scheme: 0x0401 };
/** Less is taken neither by browsers nor by OpenSSL's second level of security. */
const leastRsaBits = 2_048;

/** By the names that OpenSSL gives to curves. */
const ecAlgorithms: Readonly<Record<string, SigningAlgorithm>> = {
  prime256v1: p256,
  secp384r1: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384", scheme: 0x0503 },
  secp521r1: { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512", scheme: 0x0603 },
};

/** Made beside the event loop: an RSA key takes a tenth of a second, now and then several. */
export function newKeys(kind: LeafKey = "ec"): Promise<KeyPair> {
  if (kind === "ec") return webcrypto.subtle.generateKey(ecOf(p256), true, ["sign", "verify"]);
  const wanted = { ...rsa, modulusLength: leastRsaBits, publicExponent: new Uint8Array([1, 0, 1]) };
  return webcrypto.subtle.generateKey(wanted, true, ["sign", "verify"]);
}

/** How the key of an authority signs. */
export function signingAlgorithmOf(key: webcrypto.CryptoKey): SigningAlgorithm {
  const { namedCurve } = key.algorithm as webcrypto.EcKeyAlgorithm; // of an RSA key undefined
  return Object.values(ecAlgorithms).find((algorithm) => algorithm.namedCurve === namedCurve) ?? rsa;
}

/** PKCS #8. */
export function privateKeyPem({ privateKey }: KeyPair): string {
  return String(KeyObject.from(privateKey).export({ format: "pem", type: "pkcs8" }));
}

/** From PEM, in whichever form OpenSSL reads. Throws for a kind of key with which no leaves are signed here. */
export async function readKeys(pem: string): Promise<KeyPair> {
  const key = parseKey(pem);
  const algorithm = algorithmOf(key);
  const load = (format: "pkcs8" | "spki", from: KeyObject, use: "sign" | "verify") =>
    webcrypto.subtle.importKey(
      format,
      from.export({ format: "der", type: format }),
      algorithm.namedCurve === undefined ? algorithm : ecOf(algorithm),
      true,
      [use],
    );
  const [privateKey, publicKey] = await Promise.all([
    load("pkcs8", key, "sign"),
    load("spki", createPublicKey(key), "verify"),
  ]);
  return { privateKey, publicKey };
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    // OpenSSL says "DECODER routines::unsupported", whatever it is.
    throw new Error("it holds no private key in PEM that can be read without a passphrase", { cause });
  }
}

function algorithmOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): SigningAlgorithm {
  const { namedCurve = "", modulusLength = 0 } = details ?? {};
  if (type === "rsa" && modulusLength >= leastRsaBits) return rsa;
  const ec = type === "ec" ? ecAlgorithms[namedCurve] : undefined;
  if (ec) return ec;
  const size = type === "rsa" ? ` of ${modulusLength} bits` : namedCurve === "" ? "" : ` on ${namedCurve}`;
  throw new Error(`it is of the kind ${type}${size}`);
}

/** The part of it that names an EC key. */
function ecOf({ name, namedCurve = "" }: SigningAlgorithm): webcrypto.EcKeyGenParams {
  return { name, namedCurve };
}
