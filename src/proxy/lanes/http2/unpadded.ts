// The content of a DATA frame whose payload comes in pieces: without the octet that says how much padding there is, and without
// the padding (RFC 9113 §6.1).

import type { FrameHead } from "./frame-walk.ts";
import { flags } from "./frames.ts";

const noBytes = Buffer.alloc(0);

/** One serves all frames of a direction. */
export class UnpaddedContent {
  #padLengthDue = false;
  #left = 0;

  begin(head: FrameHead): void {
    this.#padLengthDue = (head.flags & flags.padded) !== 0;
    this.#left = head.length;
  }

  /** What of a piece of the payload is content. It lies in the same memory. */
  of(piece: Buffer): Buffer {
    let part = piece;
    if (this.#padLengthDue && part.length > 0) {
      this.#padLengthDue = false;
      this.#left -= 1 + (part[0] ?? 0);
      part = part.subarray(1);
    }
    if (this.#left <= 0) return noBytes;
    if (part.length > this.#left) part = part.subarray(0, this.#left);
    this.#left -= part.length;
    return part;
  }
}
