// Names and methods that nearly every message uses, so that reading them off the wire makes no new string.

import { isExactly } from "./octets.ts";

const commonNames = [
  "Accept",
  "Accept-Encoding",
  "Accept-Language",
  "Accept-Ranges",
  "Access-Control-Allow-Origin",
  "Age",
  "Authorization",
  "Cache-Control",
  "Connection",
  "Content-Encoding",
  "Content-Length",
  "Content-Type",
  "Cookie",
  "Date",
  "ETag",
  "Expect",
  "Expires",
  "Host",
  "If-Modified-Since",
  "If-None-Match",
  "Keep-Alive",
  "Last-Modified",
  "Location",
  "Origin",
  "Pragma",
  "Proxy-Authorization",
  "Proxy-Connection",
  "Range",
  "Referer",
  "Sec-Fetch-Dest",
  "Sec-Fetch-Mode",
  "Sec-Fetch-Site",
  "Server",
  "Set-Cookie",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
  "User-Agent",
  "Vary",
  "Via",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Request-Id",
  "traceparent",
  "tracestate",
  "baggage",
] as const;

const commonMethods = ["GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "CONNECT"] as const;

/** Words found by length, first and last octet, then compared exactly. Both cases of a field name are kept apart. */
class WordTable {
  readonly #words = new Map<number, string[]>();

  constructor(words: Iterable<string>) {
    for (const word of new Set(words)) {
      const key = keyOf(word.length, word.charCodeAt(0), word.charCodeAt(word.length - 1));
      const bucket = this.#words.get(key);
      if (bucket) bucket.push(word);
      else this.#words.set(key, [word]);
    }
  }

  find(bytes: Uint8Array, from: number, to: number): string | undefined {
    const bucket = this.#words.get(keyOf(to - from, bytes[from] ?? 0, bytes[to - 1] ?? 0));
    if (bucket === undefined) return undefined;
    for (let i = 0; i < bucket.length; i++) {
      const word = bucket[i] as string; // i is below the length
      if (isExactly(bytes, from, word)) return word;
    }
    return undefined;
  }
}

function keyOf(length: number, first: number, last: number): number {
  return (length << 16) | (first << 8) | last;
}

const names = new WordTable(commonNames.flatMap((name) => [name, name.toLowerCase()]));
const methods = new WordTable(commonMethods);

/** The field name at bytes[from..to) in its own case. Allocates only for uncommon names. */
export function fieldName(bytes: Buffer, from: number, to: number): string {
  return names.find(bytes, from, to) ?? bytes.toString("latin1", from, to);
}

/** The method at bytes[from..to). Methods are case-sensitive (RFC 9110 §9.1). */
export function methodName(bytes: Buffer, from: number, to: number): string {
  return methods.find(bytes, from, to) ?? bytes.toString("latin1", from, to);
}
