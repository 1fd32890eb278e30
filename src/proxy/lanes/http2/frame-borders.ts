// Finds the borders between frames in a stream of bytes, and nothing else: nine octets of each frame are looked at.

import { frameHeadBytes } from "./frames.ts";

export class FrameBorders {
  #payloadLeft = 0;
  /** Octets of a frame head that have come, of a frame whose head is not complete. */
  #headBytes = 0;
  #length = 0;
  /** A whole frame has passed. */
  passed = false;

  /** The bytes so far end with a frame. */
  get atBorder(): boolean {
    return this.#payloadLeft === 0 && this.#headBytes === 0;
  }

  /** Takes the next bytes; returns the last place in them where a frame ends, -1 where none does. */
  feed(chunk: Uint8Array): number {
    let border = -1;
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const bytes = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= bytes;
        at += bytes;
      } else at = this.#head(chunk, at);
      if (this.atBorder) border = at;
    }
    if (border >= 0) this.passed = true;
    return border;
  }

  #head(chunk: Uint8Array, from: number): number {
    let at = from;
    while (this.#headBytes < frameHeadBytes && at < chunk.length) {
      const octet = chunk[at++] ?? 0;
      if (this.#headBytes++ < 3) this.#length = (this.#length << 8) | octet;
    }
    if (this.#headBytes < frameHeadBytes) return at;
    this.#payloadLeft = this.#length;
    this.#headBytes = 0;
    this.#length = 0;
    return at;
  }
}
