// The grammar of `host[:port]` and of the request targets that carry one (RFC 3986 §3.2, RFC 9112 §3.2).

import { COLON, hexValues, literalOctets, nameOctets } from "./octets.ts";

const percent = 0x25;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const zero = 0x30;
const slash = 0x2f;

/** No port is written, or an empty one: `host`, `host:`. */
export const noPort = -1;
/** Not a `uri-host [ ":" port ]`. */
export const notAuthority = -2;

/**
 * Reads bytes[from..to) as `uri-host [ ":" port ]` (RFC 9110 §7.2); user information is not part of it.
 * Returns the port, `noPort` or `notAuthority`. An empty host passes: whether it may stand is the caller's question.
 */
export function portOf(bytes: Uint8Array, from: number, to: number): number {
  let p = from;
  if (from < to && bytes[from] === openBracket) p = endOfLiteral(bytes, from, to);
  else {
    while (p < to && nameOctets[bytes[p] as number] === 1) p++; // p is below to
    if (p < to && bytes[p] === percent) p = endOfEncodedName(bytes, p, to);
  }
  if (p === to) return noPort;
  return p !== notAuthority && bytes[p] === COLON ? portAt(bytes, p + 1, to) : notAuthority;
}

/** Where a name ends whose first percent sign stands at `from`. */
function endOfEncodedName(bytes: Uint8Array, from: number, to: number): number {
  for (let p = from; ; p += 3) {
    while (p < to && nameOctets[bytes[p] as number] === 1) p++; // p is below to
    if (p === to || bytes[p] !== percent || !isHex(bytes, p + 1, to) || !isHex(bytes, p + 2, to)) return p;
  }
}

function endOfLiteral(bytes: Uint8Array, from: number, to: number): number {
  let p = from + 1;
  while (p < to && literalOctets[bytes[p] as number] === 1) p++; // p is below to
  return p < to && bytes[p] === closeBracket && p > from + 1 ? p + 1 : notAuthority;
}

function isHex(bytes: Uint8Array, at: number, to: number): boolean {
  return at < to && (hexValues[bytes[at] as number] ?? -1) >= 0; // at is below to
}

function portAt(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) return noPort;
  let port = 0;
  for (let p = from; p < to; p++) {
    const digit = (bytes[p] ?? 0) - zero;
    if (digit < 0 || digit > 9) return notAuthority;
    port = port * 10 + digit;
    if (port > 0xffff) return notAuthority;
  }
  return port;
}

/** Where the authority of an absolute-form target begins: after `scheme "://"`; -1 where none stands (RFC 3986 §3). */
export function authorityFrom(bytes: Uint8Array, from: number, to: number): number {
  let p = from;
  while (p < to && isSchemeOctet(bytes[p] as number, p === from)) p++; // p is below to
  const marked =
    p > from && p + 2 < to && bytes[p] === COLON && bytes[p + 1] === slash && bytes[p + 2] === slash;
  return marked ? p + 3 : -1;
}

function isSchemeOctet(octet: number, first: boolean): boolean {
  const lower = octet | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  return !first && ((octet >= zero && octet <= 0x39) || octet === 0x2b || octet === 0x2d || octet === 0x2e);
}

/** Where the authority that begins at `from` ends: at "/", "?", "#" or `to` (RFC 3986 §3.2). */
export function authorityTo(bytes: Uint8Array, from: number, to: number): number {
  let p = from;
  while (p < to && bytes[p] !== slash && bytes[p] !== 0x3f && bytes[p] !== 0x23) p++;
  return p;
}
