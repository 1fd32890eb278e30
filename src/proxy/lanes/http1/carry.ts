// Bytes of a head that has not come whole, kept until the rest arrives; growing costs O(n) however it drips in.

export class Carry {
  #bytes: Buffer | null = null;
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** What was kept with `chunk` behind it; the carry is empty then, and a new `keep` may take up the same bytes. */
  join(chunk: Buffer): Buffer {
    if (this.#length === 0) return chunk;
    const needed = this.#length + chunk.length;
    let bytes = this.#bytes;
    if (!bytes || bytes.length < needed) {
      const grown = Buffer.allocUnsafe(Math.max(needed * 2, 1_024));
      bytes?.copy(grown, 0, 0, this.#length);
      bytes = grown;
      this.#bytes = bytes;
    }
    chunk.copy(bytes, this.#length);
    this.#length = 0;
    return bytes.subarray(0, needed);
  }

  /**
   * Keeps `bytes[from..)`. Bytes that came from `join` and are kept whole stay where they are; in every other case they
   * are copied to a place of their own, because parts of the old one may still be on their way out of a socket.
   */
  keep(bytes: Buffer, from: number): void {
    const whole =
      from === 0 &&
      this.#bytes !== null &&
      bytes.buffer === this.#bytes.buffer &&
      bytes.byteOffset === this.#bytes.byteOffset;
    if (!whole) {
      this.#bytes = Buffer.allocUnsafeSlow(Math.max((bytes.length - from) * 2, 1_024));
      bytes.copy(this.#bytes, 0, from);
    }
    this.#length = bytes.length - from;
  }

  /** Forgets the storage, because somebody else still reads it. */
  release(): void {
    this.#bytes = null;
    this.#length = 0;
  }
}
