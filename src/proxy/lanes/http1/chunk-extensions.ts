// Chunk extensions (RFC 9112 §7.1.1): walked by their grammar, bounded in total, passed on and never acted on.
//
//   beforeName ─tchar▶ inName ─"="▶ beforeValue ─tchar▶ inToken ─";"▶ beforeName
//                        └─";"▶ beforeName     └─DQUOTE▶ inQuoted ─DQUOTE▶ afterQuoted ─";"▶ beforeName
//   CR ends the line after inName, inToken and afterQuoted. "Bad" white space may stand around ";" and "=" only.

import { CR, quotedOctets, SP, showOctet, TAB, tokenOctets, valueOctets } from "./octets.ts";
import { malformed, type Refusal } from "./refusal.ts";

const beforeSemicolon = 0;
const beforeName = 1;
const inName = 2;
const afterName = 3;
const beforeValue = 4;
const inToken = 5;
const inQuoted = 6;
const inPair = 7;
const afterQuoted = 8;
const atEnd = 9;

const semicolon = 0x3b;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

/** Reused for line after line; the bound counts over all lines since `reset`. */
export class ChunkExtensions {
  readonly #maxBytes: number;
  #state = beforeSemicolon;
  #bytes = 0;
  refusal: Refusal | null = null;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  reset(): void {
    this.#bytes = 0;
    this.refusal = null;
  }

  /** Whether `octet`, found after a chunk size, opens extensions; if so, the line's walk starts behind it. */
  begins(octet: number): boolean {
    this.#state = octet === semicolon ? beforeName : beforeSemicolon;
    return octet === semicolon || isBlank(octet);
  }

  /** The walk has passed the CR that ends the line. */
  get ended(): boolean {
    return this.#state === atEnd;
  }

  /** Walks on from bytes[from]. Returns the index after the CR, or `end`. */
  walk(bytes: Uint8Array, from: number, end: number): number {
    let p = from;
    while (p < end && this.#state !== atEnd && this.refusal === null) {
      this.#step(bytes[p] as number); // p is below end
      p++;
      // Many chunks of one byte with long extensions would otherwise cost much and carry nothing.
      if (++this.#bytes > this.#maxBytes) this.refusal = tooMany(this.#maxBytes);
    }
    return p;
  }

  #step(octet: number): void {
    const state = this.#after(octet);
    if (state >= 0) this.#state = state;
    else
      this.refusal = malformed(`chunk extension: ${showOctet(octet)} may not stand there (RFC 9112 §7.1.1)`);
  }

  /** The state after `octet`, -1 where the grammar has no place for it. */
  #after(octet: number): number {
    const word = tokenOctets[octet] === 1;
    switch (this.#state) {
      case beforeSemicolon:
        return isBlank(octet) ? beforeSemicolon : octet === semicolon ? beforeName : -1;
      case beforeName:
        return isBlank(octet) ? beforeName : word ? inName : -1;
      case inName:
        return word
          ? inName
          : octet === equals
            ? beforeValue
            : isBlank(octet)
              ? afterName
              : afterValue(octet);
      case afterName:
        if (isBlank(octet)) return afterName;
        return octet === equals ? beforeValue : octet === semicolon ? beforeName : -1;
      case beforeValue:
        if (isBlank(octet)) return beforeValue;
        return octet === quote ? inQuoted : word ? inToken : -1;
      case inToken:
        return word ? inToken : afterValue(octet);
      case inQuoted:
        if (quotedOctets[octet] === 1) return inQuoted;
        return octet === quote ? afterQuoted : octet === backslash ? inPair : -1;
      case inPair:
        return valueOctets[octet] === 1 ? inQuoted : -1;
      default:
        return afterValue(octet);
    }
  }
}

function isBlank(octet: number): boolean {
  return octet === SP || octet === TAB;
}

function afterValue(octet: number): number {
  if (octet === CR) return atEnd;
  if (octet === semicolon) return beforeName;
  return isBlank(octet) ? beforeSemicolon : -1;
}

function tooMany(maxBytes: number): Refusal {
  return malformed(`chunk extensions: more than ${maxBytes} bytes in one body`);
}
