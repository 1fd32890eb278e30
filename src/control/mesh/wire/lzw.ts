// LZW as the peers compress: least significant bit first, 8-bit literals, codes of 9 to 12 bits, 256 clears the table,
// 257 ends; the width grows when the table reaches it (as in GIF), not one code early (as in TIFF).

import { WireFault } from "./wire-fault.ts";

const clearCode = 256;
const endCode = 257;
const maxWidth = 12;
const maxCode = (1 << maxWidth) - 1;
/** Slots of the encoder's hash table: four for each code. */
const slots = 1 << 14;

/** Throws WireFault: `malformed`, or `too-large` before more than `limitBytes` were made. */
export function lzwDecode(input: Uint8Array, limitBytes: number): Buffer {
  const table = new DecoderTable();
  const output = new Output(Math.min(limitBytes, Math.max(256, input.length * 3)), limitBytes);
  const read = bitReader(input);
  for (;;) {
    const code = read(table.width);
    if (code === endCode) return output.take();
    if (code === clearCode) table.clear();
    else table.expand(code, output);
  }
}

class DecoderTable {
  width = 9;
  readonly #prefix = new Uint16Array(maxCode + 1);
  readonly #suffix = new Uint8Array(maxCode + 1);
  readonly #reversed = new Uint8Array(maxCode + 1);
  #high = endCode;
  /** The code before; -1 right after a clear, and while the table is full. */
  #last = -1;

  clear(): void {
    this.width = 9;
    this.#high = endCode;
    this.#last = -1;
  }

  expand(code: number, output: Output): void {
    if (code > this.#high) throw new WireFault("malformed", `an LZW code that was not defined: ${code}`);
    // The one code that may be used while it is being defined: its text is the last one and its own first byte.
    const own = code === this.#high && this.#last >= 0 && code > endCode;
    let length = own ? 1 : 0;
    let at = own ? this.#last : code;
    while (at > endCode) {
      this.#reversed[length++] = this.#suffix[at] ?? 0;
      at = this.#prefix[at] ?? 0;
    }
    this.#reversed[length++] = at;
    if (own) this.#reversed[0] = at;
    output.reversed(this.#reversed, length);
    if (this.#last >= 0) {
      this.#suffix[this.#high] = at;
      this.#prefix[this.#high] = this.#last;
    }
    this.#grow(code);
  }

  #grow(code: number): void {
    this.#last = code;
    this.#high++;
    if (this.#high < 1 << this.width) return;
    if (this.width < maxWidth) {
      this.width++;
      return;
    }
    this.#last = -1; // a full table without a clear: what follows is expanded, nothing is added
    this.#high--;
  }
}

class Output {
  readonly #limit: number;
  #bytes: Buffer;
  #length = 0;

  constructor(size: number, limit: number) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#limit = limit;
  }

  reversed(bytes: Uint8Array, count: number): void {
    const end = this.#length + count;
    if (end > this.#limit) throw new WireFault("too-large", `decompressed to more than ${this.#limit} bytes`);
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(end, this.#bytes.length * 2)));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    for (let i = count - 1; i >= 0; i--) this.#bytes[this.#length++] = bytes[i] ?? 0;
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

function bitReader(input: Uint8Array): (width: number) => number {
  let at = 0;
  let bits = 0;
  let count = 0;
  return (width) => {
    while (count < width) {
      const byte = input[at++];
      if (byte === undefined) throw new WireFault("malformed", "compressed bytes end without an end code");
      bits |= byte << count;
      count += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    count -= width;
    return code;
  };
}

/** Always succeeds; the result may be larger than the input. */
export function lzwEncode(input: Uint8Array): Buffer {
  const encoder = new Encoder(input.length);
  return encoder.encode(input);
}

class Encoder {
  readonly #keys = new Int32Array(slots).fill(-1);
  readonly #codes = new Uint16Array(slots);
  readonly #output: Buffer;
  #length = 0;
  #bits = 0;
  #count = 0;
  #width = 9;
  #high = endCode;

  constructor(inputLength: number) {
    // No code is longer than 12 bits and none stands for less than a byte; clears and the end come on top.
    this.#output = Buffer.allocUnsafe(Math.ceil(inputLength * 1.52) + 16);
  }

  encode(input: Uint8Array): Buffer {
    this.#emit(clearCode);
    let prefix = input[0];
    for (let i = 1; prefix !== undefined && i < input.length; i++) {
      const literal = input[i] ?? 0;
      const key = (prefix << 8) | literal;
      const slot = this.#slotOf(key);
      if (this.#keys[slot] === key) {
        prefix = this.#codes[slot] ?? 0;
        continue;
      }
      this.#emit(prefix);
      prefix = literal;
      if (!this.#advance()) continue;
      this.#keys[slot] = key;
      this.#codes[slot] = this.#high;
    }
    if (prefix !== undefined) {
      this.#emit(prefix);
      this.#advance();
    }
    this.#emit(endCode);
    if (this.#count > 0) this.#output[this.#length++] = this.#bits & 0xff;
    return this.#output.subarray(0, this.#length);
  }

  /** Counts one code more; out of codes it clears the table and is false. */
  #advance(): boolean {
    this.#high++;
    if (this.#high === 1 << this.#width && this.#width < maxWidth) this.#width++;
    if (this.#high < maxCode) return true;
    this.#emit(clearCode);
    this.#width = 9;
    this.#high = endCode;
    this.#keys.fill(-1);
    return false;
  }

  #slotOf(key: number): number {
    let slot = ((key >>> 6) ^ key) & (slots - 1);
    while (this.#keys[slot] !== -1 && this.#keys[slot] !== key) slot = (slot + 1) & (slots - 1);
    return slot;
  }

  #emit(code: number): void {
    this.#bits |= code << this.#count;
    this.#count += this.#width;
    while (this.#count >= 8) {
      this.#output[this.#length++] = this.#bits & 0xff;
      this.#bits >>>= 8;
      this.#count -= 8;
    }
  }
}
