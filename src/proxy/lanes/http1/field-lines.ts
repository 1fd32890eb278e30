// The header section of a message, or its trailers: checks every octet and records where each name and value
// stands. Makes no string until one is asked for. What the fields mean is left to `framing.ts`.
//
//   atLine ──tchar──▶ inName ──":"──▶ beforeValue ──▶ inValue ──CR──▶ afterCr ──LF──▶ atLine
//     └──CR──▶ atEnd ──LF──▶ done

import type { HeaderList } from "../../../core/headers.ts";
import { fieldName } from "./field-names.ts";
import { afterPlainRun, COLON, CR, LF, SP, spells, TAB, tokenOctets, valueOctets } from "./octets.ts";
import { malformed, type Refusal, unexpected } from "./refusal.ts";

const atLine = 0;
const inName = 1;
const beforeValue = 2;
const inValue = 3;
const afterCr = 4;
const atEnd = 5;
const done = 6;

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

  /**
   * Goes on with bytes[..end), whose message begins at `start`. Returns the index after the empty line that ends
   * the section, 0 where more bytes are needed, -1 where it is refused.
   */
  scan(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes;
    this.#start = start;
    let p = start + this.#next;
    while (p < end) {
      if (this.#state === atLine) {
        p = this.#wholeLines(bytes, start, p, end);
        if (p + 1 < end && bytes[p] === CR && bytes[p + 1] === LF) return this.#end(p + 2);
      }
      // The line at p is incomplete, or not as it should be, or there is no room for it yet.
      for (let line = true; line && p < end; line = this.#state !== atLine) {
        if (!this.#step(bytes, p++, start)) return -1;
        if (this.#state === done) return this.#end(p);
      }
    }
    this.#next = p - start;
    return 0;
  }

  #end(after: number): number {
    this.#state = done;
    this.#next = after - this.#start;
    return after;
  }

  /**
   * The swift walk over lines that are complete, well-formed and have room kept for them. Returns where the first
   * other line begins; what is to be said about that one is `#step`'s to find out.
   */
  #wholeLines(bytes: Buffer, start: number, from: number, end: number): number {
    const offsets = this.#offsets;
    const tokens = tokenOctets;
    const values = valueOctets;
    let field = this.#count * stride;
    let line = from;
    for (let p = from; field < offsets.length; line = p) {
      offsets[field] = p - start;
      while (p < end && tokens[bytes[p] as number] === 1) p++; // p is below end, here and below
      if (p === line || p >= end || bytes[p] !== COLON) break;
      offsets[field + 1] = p++ - start;
      while (p < end && (bytes[p] === SP || bytes[p] === TAB)) p++;
      offsets[field + 2] = p - start;
      p = afterPlainRun(bytes, p, end, 0);
      while (p < end && values[bytes[p] as number] === 1) p++;
      if (p + 1 >= end || bytes[p] !== CR || bytes[p + 1] !== LF) break;
      offsets[field + 3] = p - start;
      const last = bytes[p - 1];
      if (last === SP || last === TAB)
        offsets[field + 3] = valueStop(bytes, start + (offsets[field + 2] ?? 0), p) - start;
      p += 2;
      field += stride;
    }
    this.#count = field / stride;
    return line;
  }

  /** One octet of the drawing above. False where it is refused. */
  #step(bytes: Buffer, p: number, start: number): boolean {
    const octet = bytes[p] as number; // the caller compared p with the end
    const field = this.#count * stride;
    switch (this.#state) {
      case atLine:
        if (octet === CR) this.#state = atEnd;
        else if (tokenOctets[octet] !== 1) return this.#refuseLine(octet, p - start);
        else {
          if (!this.#hasRoom()) return false;
          this.#offsets[field] = p - start;
          this.#state = inName;
        }
        return true;
      case inName:
        if (tokenOctets[octet] === 1) return true;
        if (octet !== COLON) return this.#refuseName(octet, p - start);
        this.#offsets[field + 1] = p - start;
        this.#state = beforeValue;
        return true;
      case beforeValue:
        if (octet === SP || octet === TAB) return true;
        this.#offsets[field + 2] = p - start;
        this.#state = inValue;
        return this.#stepValue(bytes, p, start);
      case inValue:
        return this.#stepValue(bytes, p, start);
      default:
        if (octet !== LF) return this.#refuseBareCr(octet, p - start);
        if (this.#state === afterCr) this.#count++;
        this.#state = this.#state === afterCr ? atLine : done;
        return true;
    }
  }

  #stepValue(bytes: Buffer, p: number, start: number): boolean {
    const octet = bytes[p] as number; // the caller compared p with the end
    if (valueOctets[octet] === 1) return true;
    if (octet !== CR) return this.#refuseValue(octet, p - start);
    const field = this.#count * stride;
    const value = start + (this.#offsets[field + 2] ?? 0);
    this.#offsets[field + 3] = valueStop(bytes, value, p) - start;
    this.#state = afterCr;
    return true;
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

  /** Index of the name's first byte in the bytes scanned last. */
  nameFrom(index: number): number {
    return this.#start + (this.#offsets[index * stride] ?? 0);
  }

  nameLength(index: number): number {
    return (this.#offsets[index * stride + 1] ?? 0) - (this.#offsets[index * stride] ?? 0);
  }

  /** Whether the field's name is `lower`, case aside. */
  nameIs(index: number, lower: string): boolean {
    const from = this.nameFrom(index);
    return spells(this.#bytes, from, from + this.nameLength(index), lower);
  }

  name(index: number): string {
    const from = this.nameFrom(index);
    return fieldName(this.#bytes, from, from + this.nameLength(index));
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

  /** Doubles the room where it is full; most messages never need it, and idle connections keep theirs small. */
  #hasRoom(): boolean {
    if (this.#count * stride < this.#offsets.length) return true;
    if (this.#count >= this.#maxFields) {
      const reason = `more than ${this.#maxFields} ${this.#kind} fields (RFC 9110 §5.4)`;
      return this.#refuse({ status: 431, reason });
    }
    const larger = new Int32Array(Math.min(this.#maxFields, this.#count * 2) * stride);
    larger.set(this.#offsets);
    this.#offsets = larger;
    return true;
  }

  #where(): string {
    return `${this.#kind} line ${this.#count + 1}`;
  }

  #refuse(refusal: Refusal): false {
    this.#refusal = refusal;
    return false;
  }

  #refuseLine(octet: number, offset: number): false {
    if (octet === SP || octet === TAB) {
      return this.#count === 0
        ? this.#refuse(unexpected(this.#where(), offset, octet, "a field name", "9112 §2.2"))
        : this.#refuse(unexpected(this.#where(), offset, octet, "no obsolete line folding", "9112 §5.2"));
    }
    if (octet === LF) return this.#refuse(unexpected(this.#where(), offset, octet, "CRLF", "9112 §2.2"));
    return this.#refuse(unexpected(this.#where(), offset, octet, "a field name", "9110 §5.1"));
  }

  #refuseName(octet: number, offset: number): false {
    const blank = octet === SP || octet === TAB;
    const expected = blank ? 'no white space before ":"' : 'a token and then ":"';
    return this.#refuse(
      unexpected(this.#where(), offset, octet, expected, blank ? "9112 §5.1" : "9110 §5.1"),
    );
  }

  #refuseValue(octet: number, offset: number): false {
    if (octet === LF) return this.#refuse(unexpected(this.#where(), offset, octet, "CRLF", "9112 §2.2"));
    return this.#refuse(unexpected(this.#where(), offset, octet, "no control octet", "9110 §5.5"));
  }

  #refuseBareCr(octet: number, offset: number): false {
    return this.#refuse(unexpected(this.#where(), offset, octet, "LF after CR", "9112 §2.2"));
  }
}

/** Where the value that begins at `from` ends, without the white space before its CR at `to`. */
function valueStop(bytes: Buffer, from: number, to: number): number {
  let stop = to;
  while (stop > from && (bytes[stop - 1] === SP || bytes[stop - 1] === TAB)) stop--;
  return stop;
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
