// The alerts of TLS that an upstream can send, by number, each with what it means to whoever reads it.
// RFC 8446 §6.2; RFC 5246 §7.2.2; RFC 6066 §3; RFC 7301 §3.2.

import type { SecureAim } from "../../core/link.ts";

interface Alert {
  /** As the RFC writes it, with spaces. */
  readonly name: string;
  /** What the upstream does, where it has asked for no client certificate; left out: it refuses the handshake. */
  readonly words?: (aim: SecureAim) => string;
  /** What it has against a client certificate that it was shown. */
  readonly objection?: string;
}

const noCommonVersion = "speaks no version of TLS that is spoken here, 1.2 and 1.3";

const alerts: Readonly<Record<number, Alert>> = {
  10: { name: "unexpected message" },
  20: { name: "bad record mac" },
  22: { name: "record overflow" },
  40: {
    name: "handshake failure",
    words: () => "has no cipher, group or signature of TLS in common with what is spoken here",
  },
  42: { name: "bad certificate", objection: "it cannot be verified there" },
  43: { name: "unsupported certificate", objection: "it is of a kind that is not taken there" },
  44: { name: "certificate revoked", objection: "it has been revoked" },
  45: { name: "certificate expired", objection: "it has expired" },
  46: { name: "certificate unknown", objection: "it cannot be verified there" },
  47: { name: "illegal parameter" },
  48: { name: "unknown ca", objection: "its authority is not known there" },
  49: { name: "access denied", objection: "it gives no access there" },
  50: { name: "decode error" },
  51: { name: "decrypt error", objection: "what was signed with its key is not taken there" },
  70: { name: "protocol version", words: () => noCommonVersion },
  71: { name: "insufficient security", words: () => "wants stronger ciphers of TLS than are spoken here" },
  80: { name: "internal error", words: () => "had a failure of its own in the TLS handshake" },
  86: { name: "inappropriate fallback" },
  90: { name: "user canceled" },
  109: { name: "missing extension" },
  110: { name: "unsupported extension" },
  112: {
    name: "unrecognized name",
    words: ({ serverName }) =>
      serverName === ""
        ? "wants to be told a server name (SNI), and the client has sent none"
        : `has no server of the name ${serverName}`,
  },
  113: { name: "bad certificate status response" },
  115: { name: "unknown psk identity" },
  116: { name: "certificate required" },
  120: {
    name: "no application protocol",
    words: ({ protocols }) => `speaks none of the protocols that the client offers, ${protocols.join(", ")}`,
  },
};

/** Errors of our own side of the handshake, by OpenSSL's code. */
const complaints: readonly (readonly [RegExp, string])[] = [
  [/^ERR_SSL_UNSUPPORTED_PROTOCOL$/, noCommonVersion],
  [
    /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|BAD_RECORD_TYPE|INVALID_ALERT)$/,
    "does not speak TLS",
  ],
  [/_KEY_TOO_SMALL$/, "uses a key that is too small to be safe"],
  [
    /^(?:ECONNRESET|EPIPE|ERR_SSL_UNEXPECTED_EOF_WHILE_READING)$/,
    "closed the connection in the TLS handshake",
  ],
];

/** The number of the alert that the upstream sent; null where the error is something else. */
export function alertIn(error: Error): number | null {
  const found = /SSL alert number (\d+)/.exec(error.message)?.[1]; // OpenSSL's own words, in every version of it
  return found === undefined ? null : Number(found);
}

/** `TLS alert 48, unknown ca` */
export function alertName(number: number): string {
  const name = alerts[number]?.name;
  return name === undefined ? `TLS alert ${number}` : `TLS alert ${number}, ${name}`;
}

/** What the alert says of the upstream: a sentence without its subject. */
export function alertWords(number: number, aim: SecureAim): string {
  return alerts[number]?.words?.(aim) ?? "refuses the TLS handshake";
}

/** What the alert has against the client certificate; null where it does not say. */
export function alertObjection(number: number): string | null {
  return alerts[number]?.objection ?? null;
}

/** What our own side has found wrong: a sentence without its subject. */
export function complaintWords(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  const words = complaints.find(([pattern]) => pattern.test(code))?.[1];
  if (words !== undefined) return words;
  return `failed in the TLS handshake: ${opensslReason(error)}${code === "" ? "" : ` (${code})`}`;
}

/** OpenSSL's words without its file names and line numbers. */
export function opensslReason(error: Error): string {
  return "reason" in error && typeof error.reason === "string" ? error.reason : error.message.trim();
}
