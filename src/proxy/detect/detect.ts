// First bytes → protocol. Pure: the caller keeps the bytes and the deadline.
//
//   0x16 0x03 …            TLS record with a handshake       RFC 8446 §5.1
//   "PRI * HTTP/2.0\r\n…"  HTTP/2 with prior knowledge       RFC 9113 §3.4
//   token SP …             HTTP/1 request line               RFC 9112 §3
//   anything else          opaque

import type { Protocol } from "../../core/lane.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** Longest method that is taken for one; `BASELINE-CONTROL`, the longest registered, has 16. */
const maxMethodBytes = 24;

/** `need-more`: every continuation is still possible. */
export function detect(first: Uint8Array): Protocol | "need-more" {
  const byte = first[0];
  if (byte === undefined) return "need-more";
  if (byte === 0x16) return detectTls(first);
  const isPreface = startsAlike(first, preface);
  if (isPreface && first.length >= preface.length) return "http/2";
  const http1 = detectHttp1(first);
  // "P", "PR" and "PRI " begin both; the request line wins only once the preface is out.
  if (isPreface && http1 !== "opaque") return "need-more";
  return http1;
}

function detectTls(first: Uint8Array): Protocol | "need-more" {
  if (first.length >= 2 && first[1] !== 0x03) return "opaque";
  if (first.length >= 6 && first[5] !== 0x01) return "opaque"; // not a ClientHello
  return first.length >= 6 ? "tls" : "need-more";
}

function startsAlike(bytes: Uint8Array, expected: Uint8Array): boolean {
  const length = Math.min(bytes.length, expected.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== expected[i]) return false;
  return true;
}

/** A method of upper-case letters, `-` and `_`, one space, and a visible byte: `GET /`. Leading CRLFs: RFC 9112 §2.2. */
function detectHttp1(bytes: Uint8Array): Protocol | "need-more" {
  let start = 0;
  while (start < 4 && (bytes[start] === 0x0d || bytes[start] === 0x0a)) start++;
  for (let i = start; i < bytes.length && i - start <= maxMethodBytes; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0x20) {
      if (i === start) return "opaque";
      const next = bytes[i + 1];
      if (next === undefined) return "need-more";
      return next > 0x20 && next !== 0x7f ? "http/1" : "opaque";
    }
    const isMethod = (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d || byte === 0x5f;
    if (!isMethod) return "opaque";
  }
  return bytes.length - start > maxMethodBytes ? "opaque" : "need-more";
}
