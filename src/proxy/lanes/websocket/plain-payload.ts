// The payload of a frame made readable: unmasked into a scratch area where a client masked it (RFC 6455 §5.3), left in
// place where not. Says by the way whether it is plain ASCII, which most text is, so that UTF-8 need not be checked.

import { isUtf8 } from "node:buffer";

/** Up to so many bytes a plain loop is faster than a call into the engine. */
const shortBytes = 256;
/** A scratch area beyond this is not kept from message to message. */
const keptBytes = 65_536;

export class PlainPayload {
  /** Where the payload lies: `bytes[from..to)`. Valid until the next call. */
  bytes: Uint8Array = noBytes;
  from = 0;
  to = 0;
  /** A Buffer like the chunks: what looks at both sees one shape. */
  #scratch = Buffer.alloc(0);
  #ascii = false;

  /** `source[from..to)` behind a masking key at `keyAt`; a negative `keyAt`: not masked. */
  take(source: Uint8Array, from: number, to: number, keyAt: number): void {
    if (keyAt >= 0) this.#unmask(source, from, to, keyAt);
    else {
      this.bytes = source;
      this.from = from;
      this.to = to;
      this.#ascii = to - from <= shortBytes && isAscii(source, from, to);
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
    if (this.#scratch.length > keptBytes) this.#scratch = Buffer.alloc(0);
  }

  #unmask(source: Uint8Array, from: number, to: number, keyAt: number): void {
    const length = to - from;
    if (this.#scratch.length < length) this.#scratch = Buffer.allocUnsafeSlow(Math.max(length, shortBytes));
    const scratch = this.#scratch;
    const k0 = source[keyAt] ?? 0;
    const k1 = source[keyAt + 1] ?? 0;
    const k2 = source[keyAt + 2] ?? 0;
    const k3 = source[keyAt + 3] ?? 0;
    let seen = 0;
    let i = 0;
    for (const whole = length & ~3; i < whole; i += 4) {
      const a = (source[from + i] ?? 0) ^ k0;
      const b = (source[from + i + 1] ?? 0) ^ k1;
      const c = (source[from + i + 2] ?? 0) ^ k2;
      const d = (source[from + i + 3] ?? 0) ^ k3;
      scratch[i] = a;
      scratch[i + 1] = b;
      scratch[i + 2] = c;
      scratch[i + 3] = d;
      seen |= a | b | c | d;
    }
    for (; i < length; i++) {
      const byte = (source[from + i] ?? 0) ^ (source[keyAt + (i & 3)] ?? 0);
      scratch[i] = byte;
      seen |= byte;
    }
    this.bytes = scratch;
    this.from = 0;
    this.to = length;
    this.#ascii = seen < 0x80;
  }
}

const noBytes = Buffer.alloc(0);

function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  let seen = 0;
  for (let i = from; i < to; i++) seen |= bytes[i] ?? 0;
  return seen < 0x80;
}
