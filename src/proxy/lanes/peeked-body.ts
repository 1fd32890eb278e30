// What has come of a request body while no rule has decided: one growing buffer, so that looking at it after every
// chunk costs no copy of the whole.

export class PeekedBody {
  readonly #limitBytes: number;
  #buffer = Buffer.alloc(0);
  #bytes = 0;

  /** A body that grows past `limitBytes` is not kept any more. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Octets that came, kept or not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What came so far, valid until the next `append`; null: too large to be looked at. */
  get payload(): Buffer | null {
    return this.#bytes > this.#limitBytes ? null : this.#buffer.subarray(0, this.#bytes);
  }

  append(chunk: Buffer): void {
    const from = this.#bytes;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limitBytes) return;
    if (this.#bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes, Math.min(2 * this.#bytes, this.#limitBytes)));
      this.#buffer.copy(larger, 0, 0, from);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, from);
  }
}
