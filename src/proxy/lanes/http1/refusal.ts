// Why a message is refused: what stood there, where, and the section that forbids it. Made on the refusing path only.

import { showOctet } from "./octets.ts";

export interface Refusal {
  /** Status for whoever sent a request. For a refused response the lane answers 502 instead. */
  readonly status: 400 | 414 | 431 | 501 | 505;
  /** One sentence for people; printable ASCII and "§" alone, whatever the peer sent. */
  readonly reason: string;
}

/** A message that breaks the grammar (RFC 9112 §3, §5). */
export function malformed(reason: string): Refusal {
  return { status: 400, reason };
}

/** `where, byte N: found X, expected Y (RFC …)`. `offset` counts from the first byte of the head. */
export function unexpected(
  where: string,
  offset: number,
  octet: number,
  expected: string,
  section: string,
): Refusal {
  return malformed(
    `${where}, byte ${offset}: found ${showOctet(octet)}, expected ${expected} (RFC ${section})`,
  );
}

/** Bytes for people: quoted, cut after 60, anything but visible ASCII and spaces as \xNN. */
export function showText(text: string): string {
  const cut = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  const hex = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return `"${cut.replace(/[^\x20-\x7e]/g, hex)}"`;
}
