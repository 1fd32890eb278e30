// The header section of a message, or its trailers: checks every octet and records where each name and value
// stands. Makes no string until one is asked for. What the fields mean is left to `framing.ts`.
//
//   atLine ──tchar──▶ inName ──":"──▶ beforeValue ──▶ inValue ──CR──▶ afterCr ──LF──▶ atLine
//     └──CR──▶ atEnd ──LF──▶ done

import type { HeaderList } from "../../../core/headers.ts";
import { fieldName } from "./field-names.ts";
import { COLON, CR, LF, SP, spells, TAB, tokenOctets, valueOctets } from "./octets.ts";
import { malformed, type Refusal, unexpected } from "./refusal.ts";

const atLine = 0;
const inName = 1;
const beforeValue = 2;
const inValue = 3;
const afterCr = 4;
const atEnd = 5;

/** Offsets kept of a field: name start, colon, value start, value end. */
const stride = 4;
const firstFields = 24;
const noBytes = Buffer.alloc(0);

/** Reused for message after message. Offsets count from the `start` given to `scan`. */
export class FieldLines {
  readonly #maxFields: number;
  readonly #kind: string;
  #offsets: Int32Array<ArrayBuffer>;
  #count = 0;
  #state = atLine;
  #next = 0;
  #bytes: Buffer = noBytes;
  #start = 0;
  #refusal: Refusal | null = null;

  /** `kind` names a line in refusals: "header" or "trailer". */
  constructor(maxFields: number, kind: "header" | "trailer") {
    this.#maxFields = maxFields;
    this.#kind = kind;
    this.#offsets = new Int32Array(Math.min(firstFields, maxFields) * stride);
  }

  /** Forgets the last section; the next one begins `offset` bytes after `start`. */
  begin(offset: number): void {
    this.#count = 0;
    this.#state = atLine;
    this.#next = offset;
    this.#bytes = noBytes;
    this.#refusal = null;
  }

  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /** Where scanning goes on, relative to `start`. */
  get position(): number {
    return this.#next;
  }

  /**
   * Goes on with bytes[..end), whose message begins at `start`. Returns the index after the empty line that ends
   * the section, 0 where more bytes are needed, -1 where it is refused.
   */
  scan(bytes: Buffer, start: number, end: number): number {
    let offsets = this.#offsets;
    let state = this.#state;
    let field = this.#count * stride;
    let p = start + this.#next;
    this.#bytes = bytes;
    this.#start = start;
    while (p < end) {
      if (state === atLine) {
        const octet = bytes[p] as number; // p is below end, here and below
        if (tokenOctets[octet] !== 1) {
          if (octet !== CR) return this.#refuseLine(octet, p - start);
          state = atEnd;
          if (++p === end) break;
        } else {
          if (field === offsets.length) {
            if (this.#count >= this.#maxFields) return this.#refuseCount();
            offsets = this.#grow();
          }
          offsets[field] = p - start;
          p++;
          state = inName;
        }
      }
      if (state === inName) {
        while (p < end && tokenOctets[bytes[p] as number] === 1) p++;
        if (p === end) break;
        if (bytes[p] !== COLON) return this.#refuseName(bytes[p] as number, p - start);
        offsets[field + 1] = p - start;
        p++;
        state = beforeValue;
      }
      if (state === beforeValue) {
        while (p < end && (bytes[p] === SP || bytes[p] === TAB)) p++;
        if (p === end) break;
        offsets[field + 2] = p - start;
        state = inValue;
      }
      if (state === inValue) {
        while (p < end && valueOctets[bytes[p] as number] === 1) p++;
        if (p === end) break;
        if (bytes[p] !== CR) return this.#refuseValue(bytes[p] as number, p - start);
        let stop = p;
        const valueStart = start + (offsets[field + 2] as number);
        while (stop > valueStart && (bytes[stop - 1] === SP || bytes[stop - 1] === TAB)) stop--;
        offsets[field + 3] = stop - start;
        state = afterCr;
        if (++p === end) break;
      }
      if (state === afterCr) {
        if (bytes[p] !== LF) return this.#refuseBareCr(bytes[p] as number, p - start);
        p++;
        field += stride;
        this.#count++;
        state = atLine;
      } else if (state === atEnd) {
        if (bytes[p] !== LF) return this.#refuseBareCr(bytes[p] as number, p - start);
        this.#next = p + 1 - start;
        return p + 1;
      }
    }
    this.#state = state;
    this.#next = p - start;
    return 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Relative to the start of the message: first byte of the line. */
  lineStart(index: number): number {
    return this.#offsets[index * stride] ?? 0;
  }

  /** Relative to the start of the message: the byte after the line's CRLF. */
  lineEnd(index: number): number {
    return index + 1 < this.#count ? this.lineStart(index + 1) : this.#next - 2;
  }

  nameLength(index: number): number {
    return (this.#offsets[index * stride + 1] ?? 0) - (this.#offsets[index * stride] ?? 0);
  }

  /** Whether the field's name is `lower`, case aside. */
  nameIs(index: number, lower: string): boolean {
    const from = this.#start + (this.#offsets[index * stride] ?? 0);
    return spells(this.#bytes, from, this.#start + (this.#offsets[index * stride + 1] ?? 0), lower);
  }

  name(index: number): string {
    const from = this.#start + (this.#offsets[index * stride] ?? 0);
    return fieldName(this.#bytes, from, this.#start + (this.#offsets[index * stride + 1] ?? 0));
  }

  /** Index of the value's first byte in the bytes scanned last. */
  valueFrom(index: number): number {
    return this.#start + (this.#offsets[index * stride + 2] ?? 0);
  }

  /** Index after the value's last byte, white space aside. */
  valueTo(index: number): number {
    return this.#start + (this.#offsets[index * stride + 3] ?? 0);
  }

  /** The value without surrounding white space, one character a byte (latin1). */
  value(index: number): string {
    return this.#bytes.toString("latin1", this.valueFrom(index), this.valueTo(index));
  }

  /** All values of a field joined by ", " (RFC 9110 §5.3); undefined where it is absent. */
  joined(lowerName: string): string | undefined {
    let found: string | undefined;
    for (let i = 0; i < this.#count; i++) {
      if (!this.nameIs(i, lowerName)) continue;
      found = found === undefined ? this.value(i) : `${found}, ${this.value(i)}`;
    }
    return found;
  }

  /** Every field in wire order and case. */
  list(): HeaderList {
    const all: (readonly [string, string])[] = [];
    for (let i = 0; i < this.#count; i++) all.push([this.name(i), this.value(i)]);
    return all;
  }

  /** Doubles the room; most messages never need it, and thousands of idle connections keep theirs small. */
  #grow(): Int32Array<ArrayBuffer> {
    const fields = Math.min(this.#maxFields, (this.#offsets.length / stride) * 2);
    const larger = new Int32Array(fields * stride);
    larger.set(this.#offsets);
    this.#offsets = larger;
    return larger;
  }

  #where(): string {
    return `${this.#kind} line ${this.#count + 1}`;
  }

  #refuse(refusal: Refusal): -1 {
    this.#refusal = refusal;
    return -1;
  }

  #refuseCount(): -1 {
    const reason = `more than ${this.#maxFields} ${this.#kind} fields (RFC 9110 §5.4)`;
    return this.#refuse({ status: 431, reason });
  }

  #refuseLine(octet: number, offset: number): -1 {
    if (octet === SP || octet === TAB) {
      return this.#count === 0
        ? this.#refuse(unexpected(this.#where(), offset, octet, "a field name", "9112 §2.2"))
        : this.#refuse(unexpected(this.#where(), offset, octet, "no obsolete line folding", "9112 §5.2"));
    }
    if (octet === LF) return this.#refuse(unexpected(this.#where(), offset, octet, "CRLF", "9112 §2.2"));
    return this.#refuse(unexpected(this.#where(), offset, octet, "a field name", "9110 §5.1"));
  }

  #refuseName(octet: number, offset: number): -1 {
    const blank = octet === SP || octet === TAB;
    const expected = blank ? 'no white space before ":"' : 'a token and then ":"';
    return this.#refuse(
      unexpected(this.#where(), offset, octet, expected, blank ? "9112 §5.1" : "9110 §5.1"),
    );
  }

  #refuseValue(octet: number, offset: number): -1 {
    if (octet === LF) return this.#refuse(unexpected(this.#where(), offset, octet, "CRLF", "9112 §2.2"));
    return this.#refuse(unexpected(this.#where(), offset, octet, "no control octet", "9110 §5.5"));
  }

  #refuseBareCr(octet: number, offset: number): -1 {
    return this.#refuse(unexpected(this.#where(), offset, octet, "LF after CR", "9112 §2.2"));
  }
}

/** A refusal for what may not stand among trailers, where software merges them into the header section (RFC 9110 §6.5.1). */
export function forbiddenTrailer(lines: FieldLines): Refusal | null {
  for (const name of ["transfer-encoding", "content-length", "host"]) {
    for (let i = 0; i < lines.count; i++) {
      if (lines.nameIs(i, name)) return malformed(`trailer line ${i + 1}: ${name} (RFC 9110 §6.5.1)`);
    }
  }
  return null;
}
