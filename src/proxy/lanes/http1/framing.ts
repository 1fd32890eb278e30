// What the fields of a complete head say about the message's length and the connection (RFC 9112 §6, §9).
// Requests and responses share it. Whatever two readers could understand in two ways is refused.

import type { FieldLines } from "./field-lines.ts";
import { SP, spellsWord, TAB, wordOf } from "./octets.ts";
import { malformed, type Refusal, showText } from "./refusal.ts";
import type { MinorVersion } from "./version.ts";

const comma = 0x2c;
const zero = 0x30;
const absent = -1;

const host = wordOf("host");
const expect = wordOf("expect");
const upgrade = wordOf("upgrade");
const connection = wordOf("connection");
const contentLength = wordOf("content-length");
const transferEncoding = wordOf("transfer-encoding");
const close = wordOf("close");
const keepAlive = wordOf("keep-alive");

/** Bit n is set where a name of n octets may be one of those above: most fields are passed over by this alone. */
const lengthsInQuestion = [host, expect, upgrade, connection, contentLength, transferEncoding].reduce(
  (bits, word) => bits | (1 << word.length),
  0,
);

/** Reused for message after message. */
export class MessageFraming {
  /** Declared body length in bytes; -1 where no Content-Length stands. */
  contentLength = absent;
  /** Transfer-Encoding is exactly `chunked`. */
  chunked = false;
  /** Connection options that are acted on (RFC 9110 §7.6.1). */
  close = false;
  keepAliveOption = false;
  upgradeOption = false;
  /** An Upgrade field is present. */
  upgradeField = false;
  expectContinue = false;
  /** Field index of Host, -1 where absent. */
  host = absent;
  #transferEncoding = absent;

  /** Reads a complete section. Null where nothing is ambiguous. */
  read(lines: FieldLines, bytes: Buffer, minorVersion: MinorVersion): Refusal | null {
    this.reset();
    for (let i = 0; i < lines.count; i++) {
      const length = lines.nameLength(i);
      if (length > 17 || ((lengthsInQuestion >>> length) & 1) === 0) continue;
      const refusal = this.#field(lines, bytes, i, length);
      if (refusal !== null) return refusal;
    }
    if (this.contentLength !== absent && this.#transferEncoding !== absent) {
      return malformed("both Content-Length and Transfer-Encoding are present (RFC 9112 §6.1)");
    }
    if (this.#transferEncoding === absent) return null;
    if (minorVersion === 0) return malformed("Transfer-Encoding in an HTTP/1.0 message (RFC 9112 §6.1)");
    return this.#readCodings(lines);
  }

  reset(): void {
    this.contentLength = absent;
    this.chunked = false;
    this.close = false;
    this.keepAliveOption = false;
    this.upgradeOption = false;
    this.upgradeField = false;
    this.expectContinue = false;
    this.host = absent;
    this.#transferEncoding = absent;
  }

  /** Whether the connection outlives the message (RFC 9112 §9.3). */
  keepAlive(minorVersion: MinorVersion): boolean {
    return !this.close && (minorVersion === 1 || this.keepAliveOption);
  }

  #field(lines: FieldLines, bytes: Buffer, i: number, length: number): Refusal | null {
    const from = lines.nameFrom(i);
    const to = from + length;
    switch (length) {
      case 4:
        return spellsWord(bytes, from, to, host) ? this.#readHost(i) : null;
      case 6:
        if (spellsWord(bytes, from, to, expect)) this.#readExpect(lines.value(i));
        return null;
      case 7:
        if (spellsWord(bytes, from, to, upgrade)) this.upgradeField = true;
        return null;
      case 10:
        if (spellsWord(bytes, from, to, connection)) {
          this.#readOptions(bytes, lines.valueFrom(i), lines.valueTo(i));
        }
        return null;
      case 14:
        return spellsWord(bytes, from, to, contentLength) ? this.#readLength(lines, bytes, i) : null;
      default:
        if (spellsWord(bytes, from, to, transferEncoding)) this.#transferEncoding = i;
        return null;
    }
  }

  // RFC 9112 §3.2: more than one Host is answered 400.
  #readHost(i: number): Refusal | null {
    if (this.host !== absent) return malformed(`header line ${i + 1}: a second Host (RFC 9112 §3.2)`);
    this.host = i;
    return null;
  }

  // RFC 9110 §10.1.1: a list of expectations, of which only this one has a meaning.
  #readExpect(value: string): void {
    if (elementsOf(value).includes("100-continue")) this.expectContinue = true;
  }

  // RFC 9112 §6.3 rule 5 lets a recipient fold equal repetitions; a peer that writes one is broken or hostile.
  #readLength(lines: FieldLines, bytes: Buffer, i: number): Refusal | null {
    if (this.contentLength !== absent) {
      return malformed(`header line ${i + 1}: a second Content-Length (RFC 9112 §6.3)`);
    }
    const [from, to] = [lines.valueFrom(i), lines.valueTo(i)];
    let length = from === to ? absent : 0;
    for (let p = from; p < to && length !== absent; p++) {
      const digit = (bytes[p] ?? 0) - zero;
      length = digit < 0 || digit > 9 ? absent : length * 10 + digit;
      if (length > Number.MAX_SAFE_INTEGER) length = absent;
    }
    if (length === absent) {
      const expected = `expected decimal digits, at most ${Number.MAX_SAFE_INTEGER} (RFC 9110 §8.6)`;
      return malformed(`header line ${i + 1}: Content-Length is ${showText(lines.value(i))}, ${expected}`);
    }
    this.contentLength = length;
    return null;
  }

  #readOptions(bytes: Buffer, from: number, to: number): void {
    if (this.#readOption(bytes, from, to)) return; // nearly always there is one alone
    let p = from;
    while (p < to) {
      while (p < to && (bytes[p] === SP || bytes[p] === TAB || bytes[p] === comma)) p++;
      const start = p;
      while (p < to && bytes[p] !== comma) p++;
      let stop = p;
      while (stop > start && (bytes[stop - 1] === SP || bytes[stop - 1] === TAB)) stop--;
      this.#readOption(bytes, start, stop);
    }
  }

  #readOption(bytes: Buffer, from: number, to: number): boolean {
    if (spellsWord(bytes, from, to, keepAlive)) this.keepAliveOption = true;
    else if (spellsWord(bytes, from, to, close)) this.close = true;
    else if (spellsWord(bytes, from, to, upgrade)) this.upgradeOption = true;
    else return false;
    return true;
  }

  /**
   * RFC 9112 §6.1: `chunked` once, and last. We decode no other coding, so any other is one that we "do not
   * understand" (501): a peer that skips an unknown coding would see another message end than one that refuses it.
   */
  #readCodings(lines: FieldLines): Refusal | null {
    const value = lines.joined("transfer-encoding") ?? "";
    const codings = elementsOf(value);
    if (codings.length === 1 && codings[0] === "chunked") {
      this.chunked = true;
      return null;
    }
    const said = `Transfer-Encoding is ${showText(value)}`;
    if (codings.includes("")) return malformed(`${said}: an element is empty (RFC 9112 §6.1)`);
    const chunkedAt = codings.indexOf("chunked");
    if (chunkedAt !== -1 && chunkedAt !== codings.length - 1) {
      return malformed(`${said}: "chunked" must stand once, and last (RFC 9112 §6.1)`);
    }
    const isCoding = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
    if (!codings.every((coding) => isCoding.test(coding))) {
      return malformed(`${said}, expected "chunked" (RFC 9112 §6.1, §7)`);
    }
    return { status: 501, reason: `${said}: only "chunked" is understood (RFC 9112 §6.1)` };
  }
}

/** The elements of a list, in lower case (RFC 9110 §5.6.1). */
function elementsOf(value: string): readonly string[] {
  return value.split(",").map((element) => withoutBlanks(element).toLowerCase());
}

/** Not `trim()`: U+00A0 is no white space here, but an octet of the value. No pattern either: those can take n² steps. */
function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && (text.charCodeAt(from) === SP || text.charCodeAt(from) === TAB)) from++;
  while (to > from && (text.charCodeAt(to - 1) === SP || text.charCodeAt(to - 1) === TAB)) to--;
  return text.slice(from, to);
}
