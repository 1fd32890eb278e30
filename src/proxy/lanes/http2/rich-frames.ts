// What the upstream sends on a rich link, frame by frame: the checks that belong to each type (RFC 9113 §6), and to which call
// it goes. Nothing passes; every frame ends here.

import type { Limits } from "../../../core/settings.ts";
import { BlockPlace } from "./block-place.ts";
import type { Budget } from "./budget.ts";
import { flawOfFrame } from "./frame-flaw.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import {
  defaultFrameBytes,
  defaultWindowBytes,
  errorCodes,
  flags,
  frame,
  frameTypes,
  maxWindowBytes,
  readUint32,
  windowUpdateFrame,
} from "./frames.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { ResponseHead } from "./response-head.ts";
import type { RichCalls } from "./rich-calls.ts";
import type { RichStream } from "./rich-stream.ts";
import { breaksBlocks, SplitBlock } from "./split-block.ts";
import { UnpaddedContent } from "./unpadded.ts";

/** Frames that one header block may be cut into. */
const maxBlockFrames = 128;

export interface RichFramesDeps {
  readonly calls: RichCalls;
  readonly limits: Limits;
  /** What a server says without being asked, and we must answer (RFC 9113 §10.5). */
  readonly chatter: Budget;
  write(frames: Buffer): void;
  /** The payload of SETTINGS: bytes[from..to). */
  settings(bytes: Buffer, from: number, to: number): void;
  /** The upstream takes more DATA on the connection. False: more than there can be. */
  windowGrows(bytes: number): boolean;
  goesAway(lastStream: number): void;
  /** The connection cannot go on. */
  broke(code: number, detail: string): void;
}

export class RichFrames implements FrameReader {
  readonly #deps: RichFramesDeps;
  readonly #walk = new FrameWalk(this);
  readonly #decoder: HpackDecoder;
  readonly #place = new BlockPlace();
  readonly #head = new ResponseHead();
  readonly #content = new UnpaddedContent();
  /** The upstream has sent its SETTINGS. */
  #greeted = false;
  #open: SplitBlock | null = null;
  /** Octets of DATA that were not credited to the connection yet. */
  #owedBytes = 0;
  // The DATA frame at hand.
  #stream: RichStream | undefined;
  #ends = false;

  constructor(deps: RichFramesDeps) {
    this.#deps = deps;
    const { maxHeadBytes, maxHeaders } = deps.limits;
    this.#decoder = new HpackDecoder({ maxListBytes: maxHeadBytes, maxFields: maxHeaders });
  }

  feed(chunk: Buffer): void {
    this.#walk.feed(chunk);
    if (this.#owedBytes > 0) this.#deps.write(windowUpdateFrame(0, this.#owedBytes));
    this.#owedBytes = 0;
  }

  stop(): void {
    this.#walk.stop();
  }

  forward(): void {
    // Nothing passes.
  }

  admits(head: FrameHead): boolean {
    if (head.length > defaultFrameBytes)
      return this.#broke(errorCodes.frameSize, `a frame of ${head.length} bytes`);
    if (!this.#greeted && (head.type !== frameTypes.settings || (head.flags & flags.ack) !== 0))
      return this.#broke(errorCodes.protocol, "its first frame is not SETTINGS");
    this.#greeted = true;
    if (breaksBlocks(head, this.#open))
      return this.#broke(errorCodes.protocol, "header blocks and CONTINUATION do not follow each other");
    return true;
  }

  // ── DATA ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  dataBegins(head: FrameHead): "take" {
    const { length, padding, stream: id } = head;
    const { calls } = this.#deps;
    this.#stream = undefined;
    this.#ends = (head.flags & flags.endStream) !== 0;
    this.#content.begin(head);
    this.#owedBytes += length;
    if (padding > length || (length === 0 && (head.flags & flags.padded) !== 0))
      return this.#wrong(errorCodes.protocol, "padding larger than its frame");
    if (this.#owedBytes > defaultWindowBytes)
      return this.#wrong(errorCodes.flowControl, "more DATA than the connection's window");
    if (calls.isIdle(id)) return this.#wrong(errorCodes.protocol, `DATA on stream ${id}, which is not open`);
    const stream = calls.unanswered(id);
    if (!stream) return "take";
    stream.owedBytes += length;
    if (stream.owedBytes > defaultWindowBytes)
      return this.#wrong(errorCodes.flowControl, "more DATA than the stream's window");
    const flaw = stream.flawOfData(length - padding, this.#ends);
    if (flaw) calls.malformed(stream, flaw);
    else this.#stream = stream;
    return "take";
  }

  payload(bytes: Buffer): void {
    const part = this.#content.of(bytes);
    if (part.length > 0) this.#stream?.push(Buffer.from(part)); // the link uses its buffer again
  }

  dataEnds(): void {
    const stream = this.#stream;
    if (!stream) return;
    if (this.#ends) {
      this.#deps.calls.replied(stream);
      stream.end([]);
    } else this.#deps.calls.credit(stream, false);
  }

  // ── other frames ─────────────────────────────────────────────────────────────────────────────────────────────────

  frame(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const flaw = flawOfFrame(head);
    if (flaw) return this.#wrong(flaw.code, flaw.reason);
    switch (head.type) {
      case frameTypes.headers:
        return this.#headers(head, bytes, from, to);
      case frameTypes.continuation:
        return this.#continuation(head, bytes, from, to);
      case frameTypes.settings:
        return this.#settings(head, bytes, from, to);
      case frameTypes.windowUpdate:
        return this.#windowUpdate(head.stream, readUint32(bytes, from) & maxWindowBytes);
      case frameTypes.ping:
        return this.#ping(head, bytes.subarray(from, to));
      case frameTypes.reset:
        return this.#reset(head.stream, readUint32(bytes, from));
      case frameTypes.goAway:
        this.#deps.goesAway(readUint32(bytes, from) & maxWindowBytes);
        return "take";
      case frameTypes.pushPromise:
        return this.#wrong(errorCodes.protocol, "PUSH_PROMISE although push is off");
      default: // PRIORITY, and what nobody knows (RFC 9113 §5.5)
        return "take";
    }
  }

  #headers(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const place = this.#place;
    if (this.#deps.calls.isIdle(head.stream))
      return this.#wrong(errorCodes.protocol, `HEADERS on stream ${head.stream}, which is not open`);
    const flaw = place.find(head, bytes, from, to);
    if (flaw) return this.#wrong(flaw.code, flaw.reason);
    if ((head.flags & flags.endHeaders) !== 0) return this.#block(head, bytes, place.from, place.to);
    this.#open = new SplitBlock(head, bytes, place.from, place.to);
    return "take";
  }

  #continuation(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const open = this.#open;
    if (!open) return "take";
    if (!open.add(bytes, from, to, this.#deps.limits.maxHeadBytes, maxBlockFrames))
      return this.#wrong(errorCodes.enhanceYourCalm, "a header block without end");
    if ((head.flags & flags.endHeaders) === 0) return "take";
    this.#open = null;
    const whole = open.whole();
    return this.#block(open.head, whole, 0, whole.length);
  }

  #block(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const { calls } = this.#deps;
    const block = this.#decoder.decode(bytes, from, to);
    if ("flaw" in block) return this.#wrong(errorCodes.compression, block.flaw);
    const stream = calls.unanswered(head.stream);
    if (!stream) return "take";
    const ends = (head.flags & flags.endStream) !== 0;
    const flaw = stream.takeBlock(block, ends, this.#head);
    if (flaw !== null) calls.malformed(stream, flaw);
    else if (ends) calls.replied(stream);
    return "take";
  }

  #settings(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    if ((head.flags & flags.ack) !== 0) return "take";
    if (!this.#deps.chatter.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many SETTINGS");
    this.#deps.settings(bytes, from, to);
    return "take";
  }

  #ping(head: FrameHead, payload: Buffer): "take" {
    if ((head.flags & flags.ack) !== 0) return "take";
    if (!this.#deps.chatter.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many PING");
    this.#deps.write(frame(frameTypes.ping, flags.ack, 0, payload));
    return "take";
  }

  #reset(id: number, code: number): "take" {
    const { calls } = this.#deps;
    if (calls.isIdle(id))
      return this.#wrong(errorCodes.protocol, `RST_STREAM on stream ${id}, which is not open`);
    const stream = calls.get(id);
    if (stream) calls.resetByUpstream(stream, code);
    return "take";
  }

  #windowUpdate(id: number, increment: number): "take" {
    const { calls } = this.#deps;
    if (id === 0) {
      if (increment === 0) return this.#wrong(errorCodes.protocol, "WINDOW_UPDATE of 0");
      if (!this.#deps.windowGrows(increment))
        return this.#wrong(errorCodes.flowControl, "a connection window larger than 2^31-1");
    } else if (calls.isIdle(id))
      return this.#wrong(errorCodes.protocol, `WINDOW_UPDATE on stream ${id}, which is not open`);
    else this.#streamWindow(calls.get(id), increment);
    calls.queue.pump();
    return "take";
  }

  #streamWindow(stream: RichStream | undefined, increment: number): void {
    if (!stream) return;
    if (increment === 0) return this.#deps.calls.malformed(stream, "WINDOW_UPDATE of 0");
    stream.out.windowBytes += increment;
    if (stream.out.windowBytes > maxWindowBytes)
      this.#deps.calls.malformed(stream, "a window larger than 2^31-1");
  }

  /** Always false. */
  #broke(code: number, detail: string): false {
    this.#walk.stop();
    this.#deps.broke(code, detail);
    return false;
  }

  #wrong(code: number, detail: string): "take" {
    this.#broke(code, detail);
    return "take";
  }
}
