// Header blocks of the pinned link: put together from their frames, decoded, and sent on as the bytes that came. Once a block
// had to be kept back, the client's table is not the upstream's any more: from then on the blocks are written anew.

import type { Limits } from "../../../core/settings.ts";
import { BlockPlace } from "./block-place.ts";
import type { FramePort } from "./frame-port.ts";
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
import { breaksBlocks, SplitBlock } from "./split-block.ts";
import type { UpstreamEvents } from "./upstream-events.ts";

type Verdict = "pass" | "take";

/** What one block takes at most. */
const maxBlockBytes = 262_144;
/** Frames that one block may be cut into. */
const maxBlockFrames = 1_024;

export class ResponseBlocks {
  readonly #events: UpstreamEvents;
  readonly #port: FramePort;
  readonly #decoder: HpackDecoder;
  /** What the client's decoder may hold. */
  #tableBytes = defaultTableBytes;
  #encoder: HpackEncoder | null = null;
  readonly #place = new BlockPlace();
  #open: SplitBlock | null = null;
  /** The frames of the block that is open, as they came. */
  #frames: Buffer[] = [];
  /** Of a PUSH_PROMISE that is open: the stream that it promises; else 0. */
  #promised = 0;

  constructor(events: UpstreamEvents, limits: Limits, port: FramePort) {
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
    return breaksBlocks(head, this.#open);
  }

  /** HEADERS or PUSH_PROMISE, whose payload is bytes[from..to). */
  begins(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const place = this.#place;
    if (head.stream === 0) return this.#port.wrong(errorCodes.protocol, "a header block on the connection");
    const flaw = place.find(head, bytes, from, to);
    if (flaw) return this.#port.wrong(flaw.code, flaw.reason);
    const isPush = head.type === frameTypes.pushPromise;
    const promised = isPush ? readUint32(bytes, place.fixedFrom) & maxWindowBytes : 0;
    if ((head.flags & flags.endHeaders) !== 0)
      return this.#block(head, promised, bytes, place.from, place.to, null);
    // Whether it may pass is known at its end; until then all its frames are kept.
    this.#open = new SplitBlock(head, bytes, place.from, place.to);
    this.#frames = [Buffer.from(bytes.subarray(from - frameHeadBytes, to))];
    this.#promised = promised;
    return "take";
  }

  /** CONTINUATION */
  goesOn(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const open = this.#open;
    const frames = this.#frames;
    if (!open) return "take";
    frames.push(Buffer.from(bytes.subarray(from - frameHeadBytes, to)));
    if (!open.add(bytes, from, to, maxBlockBytes, maxBlockFrames))
      return this.#port.wrong(errorCodes.enhanceYourCalm, "a header block without end");
    if ((head.flags & flags.endHeaders) === 0) return "take";
    this.#open = null;
    this.#frames = [];
    const whole = open.whole();
    return this.#block(open.head, this.#promised, whole, 0, whole.length, frames);
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
      this.#port.keepBack(stream, objection, "a header block");
      return "take";
    }
    const written = this.#encoder ? this.#written(this.#encoder, head, promised, block) : null;
    this.#events.tableSaid(this.#encoder?.tableBytes ?? block.tableBytes);
    if (written) this.#port.send(written);
    else if (frames) this.#port.send(Buffer.concat(frames));
    if (ends) this.#events.responseEnded(stream);
    return written || frames ? "take" : "pass";
  }

  #written(encoder: HpackEncoder, head: FrameHead, promised: number, block: HeaderBlock): Buffer {
    const coded = encoder.encode(block);
    if (promised > 0) return headerFrames(head.stream, 0, coded, uint32(promised), frameTypes.pushPromise);
    return headerFrames(head.stream, head.flags & flags.endStream, coded);
  }
}
