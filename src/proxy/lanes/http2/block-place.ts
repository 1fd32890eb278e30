// Where in a HEADERS or PUSH_PROMISE frame its header block stands, between padding and the fixed fields (RFC 9113 §6.2, §6.6).

import type { FrameFlaw } from "./frame-flaw.ts";
import type { FrameHead } from "./frame-walk.ts";
import { errorCodes, flags, frameTypes } from "./frames.ts";

const priorityBytes = 5;
const promisedBytes = 4;

/** One serves all frames of a direction, each until the next. */
export class BlockPlace {
  /** Where the fixed fields begin: priority, or the promised stream; `from` where there are none. */
  fixedFrom = 0;
  /** The block is bytes[from..to). */
  from = 0;
  to = 0;

  /** Looks at the frame whose payload is bytes[from..to). null: the block has its place. */
  find(head: FrameHead, bytes: Uint8Array, from: number, to: number): FrameFlaw | null {
    const isPadded = (head.flags & flags.padded) !== 0;
    this.fixedFrom = from + (isPadded ? 1 : 0);
    this.from = this.fixedFrom + fixedBytes(head);
    this.to = to - (isPadded ? (bytes[from] ?? 0) : 0);
    if (this.from > to) return { code: errorCodes.frameSize, reason: "HEADERS without what their flags say" };
    if (this.from > this.to) return { code: errorCodes.protocol, reason: "padding larger than its frame" };
    return null;
  }
}

function fixedBytes({ type, flags: bits }: FrameHead): number {
  if (type === frameTypes.pushPromise) return promisedBytes;
  return (bits & flags.priority) !== 0 ? priorityBytes : 0;
}
