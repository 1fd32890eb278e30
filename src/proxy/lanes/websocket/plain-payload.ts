// The payload of a frame made readable: unmasked into a scratch area where a client masked it (RFC 6455 §5.3), left in
// place where not. Says by the way whether it is plain ASCII, which most text is, so that UTF-8 need not be checked.

import { isUtf8 } from "node:buffer";

/** Up to so many bytes a plain loop is faster than a call into the engine. */
const shortBytes = 256;
/** The high bit of each of four bytes. */
const notAscii = 0x80808080 | 0;
const noBytes = Buffer.alloc(0);
/** A scratch area beyond this is not kept from message to message. */
const keptBytes = 65_536;

export class PlainPayload {
  /** Where the payload lies: `bytes[from..to)`. Valid until the next call. */
  bytes: Uint8Array = noBytes;
  from = 0;
  to = 0;
  #source = new Words();
  /** A Buffer like the chunks: what looks at both sees one shape. */
  #scratch = new Words();
  #ascii = false;

  /** `source[from..to)` behind a masking key at `keyAt`; a negative `keyAt`: not masked. */
  take(source: Buffer, from: number, to: number, keyAt: number): void {
    this.#source.show(source);
    if (keyAt >= 0) this.#unmask(from, to, keyAt);
    else {
      this.bytes = source;
      this.from = from;
      this.to = to;
      this.#ascii = to - from <= shortBytes && this.#source.isAscii(from, to);
    }
  }

  /** Takes bytes that are plain already and stay as they are. */
  takeWhole(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.from = 0;
    this.to = bytes.length;
    this.#ascii = false;
  }

  get isText(): boolean {
    return this.#ascii || isUtf8(this.bytes.subarray(this.from, this.to));
  }

  /** A copy that stays. */
  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(this.from, this.to));
  }

  /** Lets go of what it looked at. */
  release(): void {
    this.bytes = noBytes;
    this.from = 0;
    this.to = 0;
    this.#source.show(noBytes);
    if (this.#scratch.bytes.length > keptBytes) this.#scratch.show(noBytes);
  }

  #unmask(from: number, to: number, keyAt: number): void {
    const length = to - from;
    const scratch = this.#scratch;
    if (scratch.bytes.length < length) scratch.show(Buffer.allocUnsafeSlow(Math.max(length, shortBytes)));
    this.#ascii = scratch.unmask(this.#source, from, length, keyAt);
    this.bytes = scratch.bytes;
    this.from = 0;
    this.to = length;
  }
}

/** Bytes that can be read and written four at a time, wherever they lie. The order of the four does not matter here. */
class Words {
  bytes: Buffer = noBytes;
  #view: DataView = new DataView(noBytes.buffer, noBytes.byteOffset, 0);

  /** Reads of equal length show the same Buffer again, so that a view is seldom made. */
  show(bytes: Buffer): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  isAscii(from: number, to: number): boolean {
    const view = this.#view;
    let seen = 0;
    let at = from;
    for (; at + 4 <= to; at += 4) seen |= view.getInt32(at, true);
    for (; at < to; at++) seen |= view.getInt8(at);
    return (seen & notAscii) === 0;
  }

  /** Becomes `source[from..from+length)` without the mask; true: it is ASCII. */
  unmask(source: Words, from: number, length: number, keyAt: number): boolean {
    const masked = source.#view;
    const plain = this.#view;
    const key = masked.getInt32(keyAt, true);
    let seen = 0;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      const word = masked.getInt32(from + at, true) ^ key;
      plain.setInt32(at, word, true);
      seen |= word;
    }
    for (; at < length; at++) {
      const byte = masked.getInt8(from + at) ^ masked.getInt8(keyAt + (at & 3));
      plain.setInt8(at, byte);
      seen |= byte;
    }
    return (seen & notAscii) === 0;
  }
}
