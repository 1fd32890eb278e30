// Header blocks of the pinned link: put together from their frames, decoded, and sent on as the bytes that came. Once a block
// had to be kept back, the client's table is not the upstream's any more: from then on the blocks are written anew.

import type { Limits } from "../../../core/settings.ts";
import type { FrameHead } from "./frame-walk.ts";
import {
  errorCodes,
  flags,
  frameHeadBytes,
  frameTypes,
  headerFrames,
  maxWindowBytes,
  readUint32,
  uint32,
} from "./frames.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { defaultTableBytes } from "./hpack/dynamic-table.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import type { Objection, UpstreamEvents } from "./upstream-events.ts";

type Verdict = "pass" | "take";

/** What one block takes at most. */
const maxBlockBytes = 262_144;
/** Frames that one block may be cut into. */
const maxBlockFrames = 1_024;

/** What the link does for its blocks. */
export interface BlockPort {
  /** Whole frames, behind everything that has passed. */
  send(bytes: Buffer): void;
  keepBack(stream: number, objection: Objection): void;
  /** The connection cannot go on. */
  wrong(code: number, detail: string): "take";
}

/** A header block that is not complete. */
interface OpenBlock {
  readonly head: FrameHead;
  /** What stands before the block in a PUSH_PROMISE: the stream that it promises; 0 in HEADERS. */
  readonly promised: number;
  readonly parts: Buffer[];
  /** Its frames as they came. */
  readonly frames: Buffer[];
  bytes: number;
}

export class ResponseBlocks {
  readonly #events: UpstreamEvents;
  readonly #port: BlockPort;
  readonly #decoder: HpackDecoder;
  /** What the client's decoder may hold. */
  #tableBytes = defaultTableBytes;
  #encoder: HpackEncoder | null = null;
  #open: OpenBlock | null = null;

  constructor(events: UpstreamEvents, limits: Limits, port: BlockPort) {
    this.#events = events;
    this.#port = port;
    // A response is forwarded whatever its size; what is beyond the limits is only not looked at.
    this.#decoder = new HpackDecoder({ maxListBytes: limits.maxHeadBytes, maxFields: limits.maxHeaders });
  }

  /** What the client's SETTINGS allow, from the upstream's ACK on. */
  allowTable(bytes: number): void {
    this.#tableBytes = bytes;
    this.#decoder.allowTable(bytes);
    this.#encoder?.allowTable(bytes);
  }

  /** RFC 9113 §6.10: nothing stands between the frames of a block, and none goes on that has not begun. */
  breaksOff(head: FrameHead): boolean {
    const continues = head.type === frameTypes.continuation;
    return this.#open ? !continues || head.stream !== this.#open.head.stream : continues;
  }

  begins(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const padded = (head.flags & flags.padded) !== 0;
    const isPush = head.type === frameTypes.pushPromise;
    const before = isPush ? 4 : (head.flags & flags.priority) !== 0 ? 5 : 0;
    const promisedAt = from + (padded ? 1 : 0);
    const blockAt = promisedAt + before;
    const blockTo = to - (padded ? (bytes[from] ?? 0) : 0);
    if (head.stream === 0) return this.#port.wrong(errorCodes.protocol, "a header block on the connection");
    if (blockAt > to) return this.#port.wrong(errorCodes.frameSize, "HEADERS without what their flags say");
    if (blockAt > blockTo) return this.#port.wrong(errorCodes.protocol, "padding larger than its frame");
    const promised = isPush ? readUint32(bytes, promisedAt) & maxWindowBytes : 0;
    if ((head.flags & flags.endHeaders) !== 0)
      return this.#block(head, promised, bytes, blockAt, blockTo, null);
    // Whether it may pass is known at its end; until then all its frames are kept.
    this.#open = {
      head: { ...head },
      promised,
      parts: [Buffer.from(bytes.subarray(blockAt, blockTo))],
      frames: [Buffer.from(bytes.subarray(from - frameHeadBytes, to))],
      bytes: blockTo - blockAt,
    };
    return "take";
  }

  goesOn(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const open = this.#open;
    if (!open) return "take";
    open.parts.push(Buffer.from(bytes.subarray(from, to)));
    open.frames.push(Buffer.from(bytes.subarray(from - frameHeadBytes, to)));
    open.bytes += to - from;
    if (open.bytes > maxBlockBytes || open.parts.length > maxBlockFrames)
      return this.#port.wrong(errorCodes.enhanceYourCalm, "a header block without end");
    if ((head.flags & flags.endHeaders) === 0) return "take";
    this.#open = null;
    const whole = Buffer.concat(open.parts);
    return this.#block(open.head, open.promised, whole, 0, whole.length, open.frames);
  }

  /** `frames`: the block's own where they were kept; null where it came in one that can still pass. */
  #block(
    head: FrameHead,
    promised: number,
    bytes: Buffer,
    from: number,
    to: number,
    frames: readonly Buffer[] | null,
  ): Verdict {
    const block = this.#decoder.decode(bytes, from, to);
    if ("flaw" in block) return this.#port.wrong(errorCodes.compression, block.flaw);
    const { stream } = head;
    const isPush = head.type === frameTypes.pushPromise;
    const ends = !isPush && (head.flags & flags.endStream) !== 0;
    const objection = isPush
      ? this.#events.pushPromised(stream, promised)
      : this.#events.responseBlock(stream, ends, block);
    if (objection !== null) {
      if (!this.#encoder) {
        this.#encoder = new HpackEncoder();
        this.#encoder.takeOver(this.#tableBytes);
      }
      this.#port.keepBack(stream, objection);
      return "take";
    }
    if (this.#encoder) this.#port.send(this.#written(this.#encoder, head, promised, block));
    else if (frames) this.#port.send(Buffer.concat(frames));
    if (ends) this.#events.responseEnded(stream);
    return this.#encoder || frames ? "take" : "pass";
  }

  #written(encoder: HpackEncoder, head: FrameHead, promised: number, block: HeaderBlock): Buffer {
    const coded = encoder.encode(block);
    if (promised > 0) return headerFrames(head.stream, 0, coded, uint32(promised), frameTypes.pushPromise);
    return headerFrames(head.stream, head.flags & flags.endStream, coded);
  }
}
