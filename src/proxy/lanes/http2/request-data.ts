// DATA of the client: counted against the windows and against what its request announced, passed on as it came, or handed to
// the stream that is answered here.

import type { Budget } from "./budget.ts";
import type { ClientEvents } from "./client-events.ts";
import type { FrameHead, FrameWalk } from "./frame-walk.ts";
import { errorCodes, flags } from "./frames.ts";
import type { RequestBlocks } from "./request-blocks.ts";
import { bodyLeftAfter, type Http2Stream, LocalStream, RelayedStream } from "./stream.ts";
import { UnpaddedContent } from "./unpadded.ts";

type Verdict = "pass" | "take";

export interface RequestDataDeps {
  readonly events: ClientEvents;
  readonly blocks: RequestBlocks;
  /** Of frames that say nothing. */
  readonly chatter: Budget;
  readonly walk: Pick<FrameWalk, "cut">;
}

export class RequestData {
  readonly #deps: RequestDataDeps;
  readonly #content = new UnpaddedContent();
  // The frame at hand.
  #head: FrameHead | null = null;
  #stream: Http2Stream | undefined;

  constructor(deps: RequestDataDeps) {
    this.#deps = deps;
  }

  begins(head: FrameHead): Verdict {
    const { stream: id, length } = head;
    const { events } = this.#deps;
    this.#head = head;
    this.#stream = undefined;
    if (this.#isWrong(head)) return "take";
    if (!events.spendUpload(length))
      return this.#wrong(errorCodes.flowControl, "more DATA than the connection's window");
    const stream = events.streams.get(id);
    if (!stream) return this.#ofClosed(id, length);
    if (stream.requestDone)
      return this.#wrong(errorCodes.streamClosed, `DATA behind the end of stream ${id}`);
    stream.call.requestBytes += length;
    if (stream.bodyLeft !== null) {
      const ends = (head.flags & flags.endStream) !== 0;
      stream.bodyLeft = bodyLeftAfter(stream.bodyLeft, length - head.padding, ends);
      if (stream.bodyLeft < 0) return this.#bodyTooLong(id, length);
    }
    this.#stream = stream;
    return stream instanceof RelayedStream ? "pass" : this.#toLocal(stream, head);
  }

  #isWrong({ stream: id, length, flags: bits, padding }: FrameHead): boolean {
    const { blocks, chatter } = this.#deps;
    if (blocks.isIdle(id) || (id & 1) === 0)
      this.#wrong(errorCodes.protocol, `DATA on stream ${id}, which is not open`);
    else if (length === 0 && (bits & flags.padded) !== 0)
      this.#wrong(errorCodes.frameSize, "DATA without its pad length");
    else if (padding > length) this.#wrong(errorCodes.protocol, "padding larger than its frame");
    else if (length === 0 && (bits & flags.endStream) === 0 && !chatter.spend())
      this.#wrong(errorCodes.enhanceYourCalm, "too many empty DATA frames");
    else return false;
    return true;
  }

  #toLocal(stream: LocalStream, head: FrameHead): "take" {
    const { length } = head;
    this.#content.begin(head);
    stream.received(length);
    // At once: a stream may be read, or be over, before the last octet of the frame is there. Its own window bounds it.
    if (length > 0) this.#deps.events.creditConnection(length);
    if (stream.windowBytes >= 0) return "take";
    return this.#wrong(errorCodes.flowControl, `more DATA than the window of stream ${stream.id}`);
  }

  /** RFC 9113 §8.1.1: nothing of a frame that makes the request malformed goes on. */
  #bodyTooLong(id: number, length: number): "take" {
    this.#deps.walk.cut();
    this.#deps.events.resetStream(id, errorCodes.protocol, "the body is not content-length long");
    this.#deps.events.creditConnection(length);
    return "take";
  }

  /** What was on its way when the stream was reset. */
  #ofClosed(id: number, length: number): Verdict {
    const { events } = this.#deps;
    if (events.hasUpstream && !events.wasLocal(id)) return "pass"; // the upstream counts it
    if (length > 0) events.creditConnection(length);
    return "take";
  }

  payload(piece: Buffer): void {
    const stream = this.#stream;
    if (!(stream instanceof LocalStream)) return;
    const part = this.#content.of(piece);
    if (part.length > 0) stream.payload(Buffer.from(part)); // it outlives the read, whose buffer is used again
  }

  ends(): void {
    const { events } = this.#deps;
    const head = this.#head;
    const stream = this.#stream;
    this.#head = null;
    this.#stream = undefined;
    if (!head || !stream || events.streams.get(head.stream) !== stream) return;
    if (stream instanceof LocalStream) events.localData(stream);
    if ((head.flags & flags.endStream) !== 0) events.requestEnded(head.stream, stream);
  }

  #wrong(code: number, reason: string): "take" {
    this.#deps.events.refuse(code, reason);
    return "take";
  }
}
