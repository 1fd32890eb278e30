// "HTTP/1.0" and "HTTP/1.1", the versions that this lane speaks (RFC 9112 §2.3).

import { type Refusal, showText, unexpected } from "./refusal.ts";

export type MinorVersion = 0 | 1;

/** Octets of an HTTP-version. */
export const versionOctets = 8;
const spelled = "HTTP/1.";
const one = 0x31;
const zero = 0x30;

/** Index within the version of its first octet that does not fit, as far as it has arrived; -1 where all fit. */
export function versionMismatch(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= versionOctets && isVersion(bytes, at)) return -1;
  const length = Math.min(versionOctets, end - at);
  for (let i = 0; i < length; i++) {
    const octet = bytes[at + i];
    const fits = i < spelled.length ? octet === spelled.charCodeAt(i) : octet === one || octet === zero;
    if (!fits) return i;
  }
  return -1;
}

/** The usual case, without a loop over a string. */
function isVersion(bytes: Uint8Array, at: number): boolean {
  const minor = bytes[at + 7];
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    bytes[at + 5] === one &&
    bytes[at + 6] === 0x2e &&
    (minor === one || minor === zero)
  );
}

/** Of a version that fits. */
export function minorVersionAt(bytes: Uint8Array, at: number): MinorVersion {
  return bytes[at + 7] === one ? 1 : 0;
}

/** 505 for a digit that names another version (RFC 9110 §15.6.6), 400 for what is no version at all. */
export function versionRefusal(
  where: string,
  bytes: Uint8Array,
  at: number,
  mismatch: number,
  start: number,
): Refusal {
  const octet = bytes[at + mismatch] ?? 0;
  const isDigit = octet >= zero && octet <= 0x39;
  if (!isDigit || mismatch < 5) {
    return unexpected(where, at + mismatch - start, octet, '"HTTP/1.1" or "HTTP/1.0"', "9112 §2.3");
  }
  const said = showText(Buffer.from(bytes.subarray(at, at + mismatch + 1)).toString("latin1"));
  return {
    status: 505,
    reason: `${where}: the version begins with ${said}, expected HTTP/1.1 or HTTP/1.0 (RFC 9110 §15.6.6)`,
  };
}
