// Header blocks of the client: put together from their frames, decoded, and told to the session. Each opens a stream, or ends
// one that is open as its trailers; so this is also where it is known which streams are idle (RFC 9113 §5.1).

import type { Limits } from "../../../core/settings.ts";
import { BlockPlace } from "./block-place.ts";
import type { ClientEvents } from "./client-events.ts";
import type { FrameHead, FrameWalk } from "./frame-walk.ts";
import { errorCodes, flags } from "./frames.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { breaksBlocks, SplitBlock } from "./split-block.ts";

/** Frames that one header block may be cut into; a client that needs more plays a game. */
const maxBlockFrames = 128;
/** Fields of a request besides those that count against the limit. */
const pseudoFields = 8;
const noPriority = Buffer.alloc(0);

export class RequestBlocks {
  readonly decoder: HpackDecoder;
  /** The highest stream that the client has opened. */
  lastStream = 0;
  readonly #events: ClientEvents;
  readonly #maxHeadBytes: number;
  readonly #walk: Pick<FrameWalk, "cut">;
  readonly #place = new BlockPlace();
  #open: SplitBlock | null = null;
  /** Of the block that is open. */
  #priority: Buffer = noPriority;

  constructor(events: ClientEvents, { maxHeadBytes, maxHeaders }: Limits, walk: Pick<FrameWalk, "cut">) {
    this.#events = events;
    this.#maxHeadBytes = maxHeadBytes;
    this.#walk = walk;
    this.decoder = new HpackDecoder({ maxListBytes: maxHeadBytes, maxFields: maxHeaders + pseudoFields });
  }

  /** A block has begun and is not complete. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  isIdle(id: number): boolean {
    return id === 0 || ((id & 1) === 1 && id > this.lastStream);
  }

  breaksOff(head: FrameHead): boolean {
    return breaksBlocks(head, this.#open);
  }

  /** HEADERS, whose payload is bytes[from..to). */
  begins(head: FrameHead, bytes: Buffer, from: number, to: number): void {
    const { stream: id } = head;
    const place = this.#place;
    if ((id & 1) === 0) return this.#events.refuse(errorCodes.protocol, `HEADERS on stream ${id}`);
    const flaw = place.find(head, bytes, from, to);
    if (flaw) return this.#events.refuse(flaw.code, flaw.reason);
    const priority = place.from > place.fixedFrom ? bytes.subarray(place.fixedFrom, place.from) : noPriority;
    if ((head.flags & flags.endHeaders) !== 0)
      return this.#block(head, priority, bytes, place.from, place.to);
    this.#open = new SplitBlock(head, bytes, place.from, place.to);
    this.#priority = Buffer.from(priority);
  }

  /** CONTINUATION */
  goesOn(head: FrameHead, bytes: Buffer, from: number, to: number): void {
    const open = this.#open;
    if (!open) return;
    if (!open.add(bytes, from, to, this.#maxHeadBytes, maxBlockFrames))
      return this.#events.refuse(errorCodes.enhanceYourCalm, "a header block without end");
    if ((head.flags & flags.endHeaders) === 0) return;
    this.#open = null;
    const whole = open.whole();
    this.#block(open.head, this.#priority, whole, 0, whole.length);
  }

  /** `head`: of the first frame. */
  #block(head: FrameHead, priority: Buffer, bytes: Buffer, from: number, to: number): void {
    const { stream: id } = head;
    const events = this.#events;
    const block = this.decoder.decode(bytes, from, to);
    if ("flaw" in block) return events.refuse(errorCodes.compression, block.flaw);
    if (id <= this.lastStream && !events.streams.has(id)) {
      if (events.wasLocal(id)) return;
      return events.refuse(errorCodes.streamClosed, `HEADERS on stream ${id}, which is closed`);
    }
    this.lastStream = Math.max(this.lastStream, id);
    this.#walk.cut(); // what passed before it comes first
    events.requestBlock(id, (head.flags & flags.endStream) !== 0, block, priority);
  }
}
