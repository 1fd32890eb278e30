// The keys of an encrypted mesh: the first one seals, every one opens. AES-GCM with keys of 16, 24 or 32 bytes; on the
// wire a version byte, a nonce of 12 bytes, the ciphertext and a tag of 16.

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { UnderstudyError } from "../../../core/errors.ts";

const nonceBytes = 12;
const tagBytes = 16;
/** The oldest version still read pads the plaintext to 16 bytes; the one we write does not. */
const paddedVersion = 0;
const plainVersion = 1;
const blockBytes = 16;
/** What sealing adds. */
export const sealOverheadBytes = 1 + nonceBytes + tagBytes;
/** Keys held at once: a rotation needs two, and each one more costs every stranger's packet a decryption. */
const maxKeys = 8;

/** What a change of the keys comes to; the text is for people. */
export type KeyChange = { readonly ok: true } | { readonly ok: false; readonly problem: string };

export class Keyring {
  #keys: readonly Buffer[] = [];

  /** The first key is the primary. No keys: nothing is encrypted. Throws `bad_config` for a key of another length. */
  constructor(keys: readonly Uint8Array[] = []) {
    for (const [index, key] of keys.entries()) {
      const installed = this.install(key);
      if (!installed.ok)
        throw new UnderstudyError("bad_config", `gossip keys[${index}]: ${installed.problem}`);
    }
  }

  get enabled(): boolean {
    return this.#keys.length > 0;
  }

  /** The primary first. */
  get keys(): readonly Buffer[] {
    return this.#keys;
  }

  /** Adds a key that opens, and does not seal yet. One that is there already is no problem. */
  install(key: Uint8Array): KeyChange {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32)
      return refused(`expected a key of 16, 24 or 32 bytes, got ${key.length}`);
    if (this.#indexOf(key) >= 0) return { ok: true };
    if (this.#keys.length >= maxKeys) return refused(`expected at most ${maxKeys} keys at once`);
    this.#keys = [...this.#keys, Buffer.from(key)];
    return { ok: true };
  }

  /** Makes a key that is installed the one that seals. */
  use(key: Uint8Array): KeyChange {
    const found = this.#keys[this.#indexOf(key)];
    if (found === undefined) return refused("the key is not installed");
    this.#keys = [found, ...this.#keys.filter((other) => other !== found)];
    return { ok: true };
  }

  remove(key: Uint8Array): KeyChange {
    const index = this.#indexOf(key);
    if (index === 0) return refused("the primary key cannot be removed");
    this.#keys = this.#keys.filter((_, at) => at !== index);
    return { ok: true };
  }

  /** Sealed by the primary key. `aad` is authenticated and not sent. */
  seal(plaintext: Uint8Array, aad: Uint8Array, nonce: Buffer = randomBytes(nonceBytes)): Buffer {
    const [key] = this.#keys;
    if (key === undefined) throw new UnderstudyError("bad_message", "there is no key to encrypt with");
    const cipher = createCipheriv(algorithmOf(key), key, nonce);
    cipher.setAAD(aad);
    return Buffer.concat([
      Buffer.of(plainVersion),
      nonce,
      cipher.update(plaintext),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
  }

  /** The plaintext, or null where no key opens it. */
  open(sealed: Buffer, aad: Uint8Array): Buffer | null {
    const version = sealed[0];
    if (version === undefined || version > plainVersion || sealed.length < sealOverheadBytes) return null;
    for (const key of this.#keys) {
      const opened = openWith(key, sealed, aad);
      if (opened !== null) return version === paddedVersion ? withoutPadding(opened) : opened;
    }
    return null;
  }

  #indexOf(key: Uint8Array): number {
    return this.#keys.findIndex((other) => other.equals(key));
  }
}

/** The nonce of a sealed packet that was opened: no two packets of honest senders have the same. */
export function nonceOf(sealed: Buffer): string {
  return sealed.toString("latin1", 1, 1 + nonceBytes);
}

function openWith(key: Buffer, sealed: Buffer, aad: Uint8Array): Buffer | null {
  const decipher = createDecipheriv(algorithmOf(key), key, sealed.subarray(1, 1 + nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const plaintext = decipher.update(sealed.subarray(1 + nonceBytes, sealed.length - tagBytes));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return null; // the tag is wrong: another key, or a forgery
  }
}

function withoutPadding(padded: Buffer): Buffer | null {
  const padding = padded[padded.length - 1] ?? 0;
  if (padding < 1 || padding > blockBytes || padding > padded.length) return null;
  return padded.subarray(0, padded.length - padding);
}

function algorithmOf(key: Buffer): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" {
  if (key.length === 16) return "aes-128-gcm";
  return key.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
}

function refused(problem: string): KeyChange {
  return { ok: false, problem };
}
