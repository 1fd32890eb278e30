// What has come of a request body while no rule has decided, in one place, so that looking at it after every piece costs
// no copy of the whole.

import { GrowingBytes } from "../../core/growing-bytes.ts";

export class PeekedBody {
  readonly #limitBytes: number;
  readonly #bytes = new GrowingBytes();

  /** A body that grows past `limitBytes` is too large to be looked at. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Octets that came. */
  get bytes(): number {
    return this.#bytes.length;
  }

  /** What came so far, too large or not. */
  get whole(): Buffer {
    return this.#bytes.all;
  }

  /** What came so far; null: too large to be looked at. */
  get payload(): Buffer | null {
    return this.#bytes.length > this.#limitBytes ? null : this.#bytes.all;
  }

  /** Copies `chunk[from..to)`. */
  append(chunk: Uint8Array, from = 0, to = chunk.length): void {
    this.#bytes.append(chunk, from, to);
  }
}
