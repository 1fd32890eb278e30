// Bytes that come in pieces and are kept in one place, however small the pieces are: a piece of its own costs a hundred
// times what its byte does, and may hold the whole buffer that it was read into. Each byte is copied a few times at most.

const leastBytes = 256;
const noBytes = Buffer.alloc(0);

/** A queue of bytes without a bound; who fills it keeps one. */
export class GrowingBytes {
  #buffer = noBytes;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** What came and was not dropped; it stays as it is, whatever comes. */
  get all(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Copies `bytes[from..to)` behind what came before. */
  append(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const count = to - from;
    if (this.#end + count > this.#buffer.length) this.#grow(count);
    this.#buffer.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#end);
    this.#end += count;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#buffer = noBytes;
    this.#start = 0;
    this.#end = 0;
  }

  #grow(count: number): void {
    const kept = this.all;
    this.#buffer = Buffer.allocUnsafe(Math.max(2 * (kept.length + count), leastBytes));
    this.#buffer.set(kept);
    this.#start = 0;
    this.#end = kept.length;
  }
}
