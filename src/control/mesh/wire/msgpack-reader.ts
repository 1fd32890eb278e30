// Reads msgpack of both specifications, one value at a time, without believing any length: nothing is allocated before
// the bytes for it are there. Throws WireFault: `incomplete` where the bytes end, `malformed` where they make no sense.

import { WireFault } from "./wire-fault.ts";

/** Levels of arrays and maps that `skip` follows. */
const maxDepth = 16;

export class MsgpackReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.#at;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Consumes a nil if one is next. */
  takeNil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at++;
    return true;
  }

  boolean(): boolean {
    const tag = this.#byte();
    if (tag === 0xc3 || tag === 0x01) return true;
    if (tag === 0xc2 || tag === 0x00 || tag === 0xc0) return false;
    throw malformed("a boolean", tag);
  }

  /** A whole number within ±(2^53 - 1), signed or unsigned on the wire; nil is 0, as for the peers. */
  integer(): number {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag === 0xc0) return 0;
    if (tag === 0xcf || tag === 0xd3) return this.#integer64(tag === 0xd3);
    const width = integerWidths[tag];
    if (width === undefined) throw malformed("an integer", tag);
    const at = this.#advance(width);
    return tag < 0xd0 ? this.#bytes.readUIntBE(at, width) : this.#bytes.readIntBE(at, width);
  }

  float(): number {
    const tag = this.#bytes[this.#at];
    if (tag === 0xcb) return this.#bytes.readDoubleBE(this.#advance(9) + 1);
    if (tag === 0xca) return this.#bytes.readFloatBE(this.#advance(5) + 1);
    return this.integer();
  }

  text(): string {
    const length = this.#rawLength("a text");
    const at = this.#advance(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  /** A view into the input: copy what is kept. Also from an array of small integers, which some peers send. */
  bytes(): Buffer {
    const tag = this.#bytes[this.#at] ?? 0;
    if ((tag & 0xf0) === 0x90 || tag === 0xdc || tag === 0xdd) return this.#bytesOfArray();
    const length = this.#rawLength("bytes");
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Elements of the array that follows; nil is 0. A count that cannot fit into what is left is `incomplete`. */
  arrayHeader(): number {
    const tag = this.#byte();
    if ((tag & 0xf0) === 0x90) return tag & 0x0f;
    if (tag === 0xc0) return 0;
    if (tag === 0xdc) return this.#bytes.readUInt16BE(this.#advance(2));
    if (tag === 0xdd) return this.#bytes.readUInt32BE(this.#advance(4));
    throw malformed("an array", tag);
  }

  /** Pairs of the map that follows; nil is 0. */
  mapHeader(): number {
    const tag = this.#byte();
    if ((tag & 0xf0) === 0x80) return tag & 0x0f;
    if (tag === 0xc0) return 0;
    if (tag === 0xde) return this.#bytes.readUInt16BE(this.#advance(2));
    if (tag === 0xdf) return this.#bytes.readUInt32BE(this.#advance(4));
    throw malformed("a map", tag);
  }

  /** Whether an array (and not a map) is next. */
  get arrayIsNext(): boolean {
    const tag = this.#bytes[this.#at] ?? 0;
    return (tag & 0xf0) === 0x90 || tag === 0xdc || tag === 0xdd;
  }

  /** Consumes one value of any kind. */
  skip(depth = 0): void {
    if (depth > maxDepth) throw new WireFault("malformed", `msgpack is nested deeper than ${maxDepth}`);
    const tag = this.#byte();
    if (tag < 0x80 || tag >= 0xe0 || (tag >= 0xc0 && tag <= 0xc3 && tag !== 0xc1)) return;
    this.#at--;
    const fixed = fixedWidths[tag];
    if (fixed !== undefined) return void this.#advance(1 + fixed);
    if (tag >= 0x80 && tag <= 0x8f) return this.#skipMany(this.mapHeader() * 2, depth);
    if (tag === 0xde || tag === 0xdf) return this.#skipMany(this.mapHeader() * 2, depth);
    if (this.arrayIsNext) return this.#skipMany(this.arrayHeader(), depth);
    this.bytes();
  }

  /** Whether the bytes at the cursor are exactly `expected`; then they are consumed. */
  takeExact(expected: Buffer): boolean {
    const end = this.#at + expected.length;
    if (end > this.#bytes.length) return false;
    for (let i = 0; i < expected.length; i++) if (this.#bytes[this.#at + i] !== expected[i]) return false;
    this.#at = end;
    return true;
  }

  #skipMany(count: number, depth: number): void {
    for (let i = 0; i < count; i++) this.skip(depth + 1);
  }

  #bytesOfArray(): Buffer {
    const length = this.arrayHeader();
    if (length > this.#bytes.length - this.#at) throw incomplete;
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
      const value = this.integer();
      if (value < 0 || value > 255) throw new WireFault("malformed", `expected a byte, got ${value}`);
      bytes[i] = value;
    }
    return bytes;
  }

  #rawLength(expected: string): number {
    const tag = this.#byte();
    if ((tag & 0xe0) === 0xa0) return tag & 0x1f;
    switch (tag) {
      case 0xc0:
        return 0;
      case 0xd9:
      case 0xc4:
        return this.#byte();
      case 0xda:
      case 0xc5:
        return this.#bytes.readUInt16BE(this.#advance(2));
      case 0xdb:
      case 0xc6:
        return this.#bytes.readUInt32BE(this.#advance(4));
      default:
        throw malformed(expected, tag);
    }
  }

  #integer64(signed: boolean): number {
    const at = this.#advance(8);
    const value = Number(signed ? this.#bytes.readBigInt64BE(at) : this.#bytes.readBigUInt64BE(at));
    if (!Number.isSafeInteger(value)) throw new WireFault("malformed", `an integer beyond 2^53: ${value}`);
    return value;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw incomplete;
    this.#at++;
    return byte;
  }

  /** Steps over `count` bytes that must be there; gives where they begin. */
  #advance(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw incomplete;
    this.#at = at + count;
    return at;
  }
}

const integerWidths: Readonly<Record<number, number>> = {
  204: 1,
  205: 2,
  206: 4,
  208: 1,
  209: 2,
  210: 4,
};
/** Bytes after the tag, for kinds of one length: numbers. */
const fixedWidths: Readonly<Record<number, number>> = { ...integerWidths, 202: 4, 203: 8, 207: 8, 211: 8 };

/** One object for all: it is thrown at every chunk of a stream, and its trace would tell nothing. */
const incomplete = new WireFault("incomplete", "the bytes end early");

function malformed(expected: string, tag: number): WireFault {
  return new WireFault("malformed", `expected ${expected}, got the msgpack tag 0x${tag.toString(16)}`);
}
