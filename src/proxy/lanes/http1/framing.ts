// What the fields of a complete head say about the message's length and the connection (RFC 9112 §6, §9).
// Requests and responses share it. Whatever two readers could understand in two ways is refused.

import type { FieldLines } from "./field-lines.ts";
import { SP, spellsWord, TAB, wordOf } from "./octets.ts";
import { malformed, type Refusal, showText } from "./refusal.ts";
import type { MinorVersion } from "./version.ts";

const comma = 0x2c;
const zero = 0x30;
const absent = -1;

const close = wordOf("close");
const keepAlive = wordOf("keep-alive");
const upgradeOption = wordOf("upgrade");

// The names that are acted on, as indices of `words`.
const host = 1;
const expect = 2;
const upgrade = 3;
const connection = 4;
const contentLength = 5;
const transferEncoding = 6;
const words = ["", "host", "expect", "upgrade", "connection", "content-length", "transfer-encoding"].map(
  wordOf,
);
const maxLength = 17;

/** Bit n is set where one of `words` has n octets: most names are passed over by this alone. */
const lengthBits = words.reduce((bits, word) => bits | (1 << word.length), 0);

/** By length and five bits of the first octet: the index in `words` of what a name may be, or 0. */
const candidates = new Uint8Array((maxLength + 1) * 32);
for (const [index, word] of words.entries()) candidates[slotOf(word.length, word[0] ?? 0)] = index;

function slotOf(length: number, first: number): number {
  return (length << 5) | (first & 31);
}

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
      if (length > maxLength || ((lengthBits >>> length) & 1) === 0) continue;
      const from = lines.nameFrom(i);
      const word = candidates[slotOf(length, bytes[from] ?? 0)] ?? 0;
      if (word === 0 || !spellsWord(bytes, from, from + length, words[word] ?? keepAlive)) continue;
      const refusal = this.#field(lines, bytes, i, word);
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

  /** Field i, whose name is that of `word`. */
  #field(lines: FieldLines, bytes: Buffer, i: number, word: number): Refusal | null {
    switch (word) {
      case host:
        return this.#readHost(i);
      case contentLength:
        return this.#readLength(lines, bytes, i);
      case transferEncoding:
        this.#transferEncoding = i;
        return null;
      case connection:
        this.#readOptions(bytes, lines.valueFrom(i), lines.valueTo(i));
        return null;
      case upgrade:
        this.upgradeField = true;
        return null;
      case expect:
        if (elementsOf(lines.value(i)).includes("100-continue")) this.expectContinue = true;
        return null;
      default:
        return null;
    }
  }

  // RFC 9112 §3.2: more than one Host is answered 400.
  #readHost(i: number): Refusal | null {
    if (this.host !== absent) return malformed(`header line ${i + 1}: a second Host (RFC 9112 §3.2)`);
    this.host = i;
    return null;
  }

  // RFC 9112 §6.3 rule 5 lets a recipient fold equal repetitions; a peer that writes one is broken or hostile.
  #readLength(lines: FieldLines, bytes: Buffer, i: number): Refusal | null {
    if (this.contentLength !== absent) {
      return malformed(`header line ${i + 1}: a second Content-Length (RFC 9112 §6.3)`);
    }
    const from = lines.valueFrom(i);
    const to = lines.valueTo(i);
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
    else if (spellsWord(bytes, from, to, upgradeOption)) this.upgradeOption = true;
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
  let from = 0;
  let to = text.length;
  while (from < to && (text.charCodeAt(from) === SP || text.charCodeAt(from) === TAB)) from++;
  while (to > from && (text.charCodeAt(to - 1) === SP || text.charCodeAt(to - 1) === TAB)) to--;
  return text.slice(from, to);
}
