// Writes msgpack the way the pool's members do: the old specification, in which texts and bytes are both "raw" (never
// str8, never bin: a peer drops a message that has bin where it expects a text).

/** Grows as needed; `take` gives what was written. One writer, one value. */
export class MsgpackWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(sizeHint = 128) {
    this.#bytes = Buffer.allocUnsafe(sizeHint);
  }

  nil(): void {
    this.#byte(0xc0);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  /** A whole number from 0 to 2^53 - 1, or a negative one from -2^53 + 1. */
  integer(value: number): void {
    if (value < 0) return this.#int64(value);
    if (value < 0x80) return this.#byte(value);
    if (value <= 0xff) return this.#tagged(0xcc, 1, value);
    if (value <= 0xffff) return this.#tagged(0xcd, 2, value);
    if (value <= 0xffff_ffff) return this.#tagged(0xce, 4, value);
    this.#reserve(9);
    this.#bytes[this.#length] = 0xcf;
    this.#bytes.writeBigUInt64BE(BigInt(value), this.#length + 1);
    this.#length += 9;
  }

  float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xcb;
    this.#bytes.writeDoubleBE(value, this.#length + 1);
    this.#length += 9;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#rawHeader(length);
    this.#reserve(length);
    this.#bytes.write(value, this.#length);
    this.#length += length;
  }

  bytes(value: Uint8Array): void {
    this.#rawHeader(value.length);
    this.verbatim(value);
  }

  arrayHeader(length: number): void {
    this.#container(length, 0x90, 0xdc);
  }

  mapHeader(length: number): void {
    this.#container(length, 0x80, 0xde);
  }

  /** Bytes that are already msgpack, or stand outside of it. */
  verbatim(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  byte(value: number): void {
    this.#byte(value);
  }

  /** What was written; the writer must not be used after. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #rawHeader(length: number): void {
    if (length < 32) this.#byte(0xa0 | length);
    else if (length <= 0xffff) this.#tagged(0xda, 2, length);
    else this.#tagged(0xdb, 4, length);
  }

  #container(length: number, small: number, tag16: number): void {
    if (length < 16) this.#byte(small | length);
    else if (length <= 0xffff) this.#tagged(tag16, 2, length);
    else this.#tagged(tag16 + 1, 4, length);
  }

  #int64(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xd3;
    this.#bytes.writeBigInt64BE(BigInt(value), this.#length + 1);
    this.#length += 9;
  }

  #tagged(tag: number, width: 1 | 2 | 4, value: number): void {
    this.#reserve(5);
    this.#bytes[this.#length] = tag;
    this.#bytes.writeUIntBE(value, this.#length + 1, width);
    this.#length += 1 + width;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
