// A header block that came in more than one frame, kept until its last is there (RFC 9113 §6.10). It is bounded: an endless one
// is not held until it ends (RFC 9113 §10.5.1).

import type { FrameHead } from "./frame-walk.ts";
import { frameTypes } from "./frames.ts";

export class SplitBlock {
  /** Of its first frame. */
  readonly head: FrameHead;
  readonly #parts: Buffer[];
  #bytes: number;

  /** bytes[from..to): the part in the first frame. */
  constructor(head: FrameHead, bytes: Buffer, from: number, to: number) {
    this.head = { ...head };
    this.#parts = [Buffer.from(bytes.subarray(from, to))];
    this.#bytes = to - from;
  }

  /** Takes the next part. False: the block is larger than `maxBytes`, or in more than `maxFrames`. */
  add(bytes: Buffer, from: number, to: number, maxBytes: number, maxFrames: number): boolean {
    this.#parts.push(Buffer.from(bytes.subarray(from, to)));
    this.#bytes += to - from;
    return this.#bytes <= maxBytes && this.#parts.length <= maxFrames;
  }

  whole(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Nothing stands between the frames of a block, and none goes on that has not begun. `open`: the block at hand; null: none. */
export function breaksBlocks(head: FrameHead, open: SplitBlock | null): boolean {
  const continues = head.type === frameTypes.continuation;
  return open === null ? continues : !continues || head.stream !== open.head.stream;
}
