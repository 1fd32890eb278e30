// What the client sends, frame by frame. It is long because it is one table: each type of frame with the checks that
// belong to it (RFC 9113 §6), and whether it goes on to the upstream as it is ("pass") or ends here ("take").

import type { Clock } from "../../../core/clock.ts";
import type { Limits } from "../../../core/settings.ts";
import { Budget } from "./budget.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import { errorCodes, flags, frameTypes, maxWindowBytes, preface, readUint32 } from "./frames.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import { bodyLeftAfter, type Http2Stream, LocalStream, RelayedStream } from "./stream.ts";
import type { StreamMap } from "./stream-map.ts";

type Verdict = "pass" | "take";

/** Frames that one header block may be cut into; a client that needs more plays a game. */
const maxBlockFrames = 128;

/** What the session makes of what the client sends. */
export interface ClientEvents {
  readonly streams: StreamMap<Http2Stream>;
  /** The largest frame that the client has been allowed. */
  readonly serverFrameBytes: number;
  /** True where somebody is there to get what passes. */
  readonly hasUpstream: boolean;
  /** bytes[from..to) passes. */
  toUpstream(bytes: Buffer, from: number, to: number): void;
  /** Something of ours waits for a border between the frames to the upstream. */
  readonly uploadWaits: boolean;
  uploadBorder(): void;
  /** A header block: a new request, or trailers. `priority`: five octets, or none. */
  requestBlock(stream: number, endStream: boolean, block: HeaderBlock, priority: Buffer): void;
  /** False: the client sent more than it was allowed to. */
  spendUpload(bytes: number): boolean;
  /** DATA of a stream that is closed came and went nowhere: its octets are given back. */
  creditConnection(bytes: number): void;
  localData(stream: LocalStream): void;
  requestEnded(id: number, stream: Http2Stream): void;
  /** The stream cannot go on; both sides hear so. */
  resetStream(id: number, code: number, why: string): void;
  clientReset(id: number, stream: Http2Stream, code: number): void;
  /** The stream was answered here, or never let through. */
  wasLocal(id: number): boolean;
  clientSettings(bytes: Buffer, from: number, to: number): Verdict;
  clientSettingsAck(): Verdict;
  ping(isAck: boolean, payload: Buffer): Verdict;
  connectionWindow(bytes: number): void;
  streamWindow(stream: LocalStream, bytes: number): void;
  /** The connection cannot go on. */
  refuse(code: number, reason: string): void;
}

interface OpenBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly priority: Buffer;
  readonly parts: Buffer[];
  bytes: number;
}

const noPriority = Buffer.alloc(0);

export class ClientHalf implements FrameReader {
  readonly decoder: HpackDecoder;
  readonly #walk = new FrameWalk(this);
  readonly #events: ClientEvents;
  readonly #maxHeadBytes: number;
  // RST_STREAM as nghttp2 allows it; the others are what no honest client reaches (RFC 9113 §10.5).
  readonly #resets: Budget;
  readonly #settings: Budget;
  readonly #chatter: Budget;
  /** Bytes of the preface that have come; -1: SETTINGS have come too. */
  #prefaceBytes = 0;
  #open: OpenBlock | null = null;
  #lastStream = 0;
  // The DATA frame at hand.
  #dataHead: FrameHead | null = null;
  #dataStream: Http2Stream | undefined;
  #padLengthDue = false;
  #payloadLeft = 0;

  constructor(events: ClientEvents, limits: Limits, clock: Clock) {
    this.#events = events;
    this.#maxHeadBytes = limits.maxHeadBytes;
    this.decoder = new HpackDecoder({ maxListBytes: limits.maxHeadBytes, maxFields: limits.maxHeaders + 8 });
    this.#resets = new Budget(1_000, 33, clock);
    this.#settings = new Budget(100, 10, clock);
    this.#chatter = new Budget(10_000, 1_000, clock);
  }

  /** The highest stream that the client has opened. */
  get lastStream(): number {
    return this.#lastStream;
  }

  /** What is put in upstream now would stand inside a frame of the client, or before its SETTINGS. */
  get insideFrame(): boolean {
    return this.#walk.insideFrame || this.#prefaceBytes >= 0;
  }

  /** The preface, a frame head or a header block has begun and is not complete. */
  get insideHead(): boolean {
    return this.#prefaceBytes >= 0 || this.#open !== null || this.#walk.isWaiting;
  }

  /** The client has opened this stream before its preface (RFC 7540 §3.2). */
  hasAsked(stream: number): void {
    this.#lastStream = stream;
  }

  stop(): void {
    this.#walk.stop();
  }

  feed(chunk: Buffer): void {
    let from = 0;
    while (this.#prefaceBytes >= 0 && this.#prefaceBytes < preface.length && from < chunk.length) {
      if (chunk[from++] !== preface[this.#prefaceBytes++])
        return this.#events.refuse(errorCodes.protocol, "the connection preface is wrong");
    }
    if (from < chunk.length) this.#walk.feed(from === 0 ? chunk : chunk.subarray(from));
  }

  forward(bytes: Buffer, from: number, to: number): void {
    this.#events.toUpstream(bytes, from, to);
  }

  admits(head: FrameHead): boolean {
    if (this.#events.uploadWaits && this.#prefaceBytes < 0) {
      this.#walk.cut();
      this.#events.uploadBorder();
    }
    const { type, stream, length } = head;
    if (length > this.#events.serverFrameBytes)
      return this.#refuse(errorCodes.frameSize, `a frame of ${length} bytes`);
    const isData = type === frameTypes.data;
    if (!isData && length > Math.max(this.#maxHeadBytes, 16_384))
      return this.#refuse(errorCodes.enhanceYourCalm, `a frame of type ${type} with ${length} bytes`);
    if (this.#prefaceBytes >= 0) {
      if (type !== frameTypes.settings || (head.flags & flags.ack) !== 0)
        return this.#refuse(errorCodes.protocol, "the first frame is not SETTINGS");
      this.#prefaceBytes = -1;
    }
    const continues = type === frameTypes.continuation;
    if (this.#open ? !continues || stream !== this.#open.stream : continues)
      return this.#refuse(errorCodes.protocol, "header blocks and CONTINUATION do not follow each other");
    return true;
  }

  /** Always false. */
  #refuse(code: number, reason: string): false {
    this.#events.refuse(code, reason);
    return false;
  }

  #wrong(code: number, reason: string): "take" {
    this.#events.refuse(code, reason);
    return "take";
  }

  // ── DATA ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  dataBegins(head: FrameHead): Verdict {
    const { stream: id, length } = head;
    const events = this.#events;
    this.#dataHead = head;
    this.#dataStream = undefined;
    this.#padLengthDue = (head.flags & flags.padded) !== 0;
    this.#payloadLeft = length;
    if (this.#isIdle(id) || (id & 1) === 0)
      return this.#wrong(errorCodes.protocol, `DATA on stream ${id}, which is not open`);
    if (length === 0 && this.#padLengthDue)
      return this.#wrong(errorCodes.frameSize, "DATA without its pad length");
    if (head.padding > length) return this.#wrong(errorCodes.protocol, "padding larger than its frame");
    if (length === 0 && (head.flags & flags.endStream) === 0 && !this.#chatter.spend())
      return this.#wrong(errorCodes.enhanceYourCalm, "too many empty DATA frames");
    if (!events.spendUpload(length))
      return this.#wrong(errorCodes.flowControl, "more DATA than the connection's window");
    const stream = events.streams.get(id);
    if (!stream) return this.#dataOfClosed(id, length);
    if (stream.requestDone)
      return this.#wrong(errorCodes.streamClosed, `DATA behind the end of stream ${id}`);
    stream.call.requestBytes += length;
    if (stream.bodyLeft !== null) {
      const ends = (head.flags & flags.endStream) !== 0;
      stream.bodyLeft = bodyLeftAfter(stream.bodyLeft, length - head.padding, ends);
      if (stream.bodyLeft < 0) return this.#bodyTooLong(id, length);
    }
    this.#dataStream = stream;
    if (stream instanceof RelayedStream) return "pass";
    stream.received(length);
    // At once: a stream may be read, or be over, before the last octet of the frame is there. Its own window bounds it.
    if (length > 0) events.creditConnection(length);
    if (stream.windowBytes < 0)
      return this.#wrong(errorCodes.flowControl, `more DATA than the window of stream ${id}`);
    return "take";
  }

  /** RFC 9113 §8.1.1: nothing of a frame that makes the request malformed goes on. */
  #bodyTooLong(id: number, length: number): "take" {
    this.#walk.cut();
    this.#events.resetStream(id, errorCodes.protocol, "the body is not content-length long");
    this.#events.creditConnection(length);
    return "take";
  }

  /** What was on its way when the stream was reset. */
  #dataOfClosed(id: number, length: number): Verdict {
    if (this.#events.hasUpstream && !this.#events.wasLocal(id)) return "pass"; // the upstream counts it
    if (length > 0) this.#events.creditConnection(length);
    return "take";
  }

  payload(bytes: Buffer): void {
    const stream = this.#dataStream;
    if (!(stream instanceof LocalStream)) return;
    let part = bytes;
    if (this.#padLengthDue && part.length > 0) {
      this.#padLengthDue = false;
      const padding = part[0] ?? 0;
      part = part.subarray(1);
      this.#payloadLeft -= 1 + padding;
    }
    if (part.length > this.#payloadLeft) part = part.subarray(0, this.#payloadLeft);
    if (part.length === 0) return;
    this.#payloadLeft -= part.length;
    stream.payload(Buffer.from(part)); // it outlives the read, whose buffer is used again
  }

  dataEnds(): void {
    const head = this.#dataHead;
    const stream = this.#dataStream;
    this.#dataHead = null;
    this.#dataStream = undefined;
    if (!head || !stream || this.#events.streams.get(head.stream) !== stream) return;
    const ends = (head.flags & flags.endStream) !== 0;
    if (stream instanceof LocalStream) this.#events.localData(stream);
    if (ends) this.#events.requestEnded(head.stream, stream);
  }

  // ── other frames ─────────────────────────────────────────────────────────────────────────────────────────────────

  frame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    switch (head.type) {
      case frameTypes.headers:
        return this.#headers(head, bytes, from, to);
      case frameTypes.continuation:
        return this.#continuation(head, bytes, from, to);
      case frameTypes.windowUpdate:
        return this.#windowUpdate(head, bytes, from);
      case frameTypes.reset:
        return this.#reset(head, bytes, from);
      case frameTypes.settings:
        return this.#settingsFrame(head, bytes, from, to);
      case frameTypes.ping:
        return this.#ping(head, bytes, from, to);
      case frameTypes.priority:
        return this.#priority(head);
      case frameTypes.goAway:
        if (head.stream !== 0) return this.#wrong(errorCodes.protocol, "GOAWAY on a stream");
        if (head.length < 8) return this.#wrong(errorCodes.frameSize, "GOAWAY of a wrong length");
        return this.#through();
      case frameTypes.pushPromise:
        return this.#wrong(errorCodes.protocol, "PUSH_PROMISE from a client");
      default: // RFC 9113 §4.1: what nobody knows is not ours to drop
        return this.#chatter.spend()
          ? this.#through()
          : this.#wrong(errorCodes.enhanceYourCalm, "too many frames");
    }
  }

  #through(): Verdict {
    return this.#events.hasUpstream ? "pass" : "take";
  }

  #isIdle(id: number): boolean {
    return id === 0 || ((id & 1) === 1 && id > this.#lastStream);
  }

  #headers(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const { stream: id } = head;
    if ((id & 1) === 0) return this.#wrong(errorCodes.protocol, `HEADERS on stream ${id}`);
    const padded = (head.flags & flags.padded) !== 0;
    const hasPriority = (head.flags & flags.priority) !== 0;
    const padding = padded ? (bytes[from] ?? 0) : 0;
    const priorityAt = from + (padded ? 1 : 0);
    const blockAt = priorityAt + (hasPriority ? 5 : 0);
    const blockTo = to - padding;
    if (blockAt > to) return this.#wrong(errorCodes.frameSize, "HEADERS without what their flags say");
    if (blockAt > blockTo) return this.#wrong(errorCodes.protocol, "padding larger than its frame");
    const endStream = (head.flags & flags.endStream) !== 0;
    const priority = hasPriority ? bytes.subarray(priorityAt, blockAt) : noPriority;
    if ((head.flags & flags.endHeaders) !== 0) {
      this.#block(id, endStream, priority, bytes, blockAt, blockTo);
      return "take";
    }
    const part = Buffer.from(bytes.subarray(blockAt, blockTo));
    this.#open = {
      stream: id,
      endStream,
      priority: Buffer.from(priority),
      parts: [part],
      bytes: part.length,
    };
    return "take";
  }

  #continuation(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const open = this.#open;
    if (!open) return "take";
    open.parts.push(Buffer.from(bytes.subarray(from, to)));
    open.bytes += to - from;
    // RFC 9113 §10.5.1: an endless block is not held until it ends
    if (open.bytes > this.#maxHeadBytes || open.parts.length > maxBlockFrames)
      return this.#wrong(errorCodes.enhanceYourCalm, "a header block without end");
    if ((head.flags & flags.endHeaders) === 0) return "take";
    this.#open = null;
    const whole = Buffer.concat(open.parts);
    this.#block(open.stream, open.endStream, open.priority, whole, 0, whole.length);
    return "take";
  }

  #block(id: number, endStream: boolean, priority: Buffer, bytes: Buffer, from: number, to: number): void {
    const block = this.decoder.decode(bytes, from, to);
    if ("flaw" in block) return this.#events.refuse(errorCodes.compression, block.flaw);
    if (id <= this.#lastStream && !this.#events.streams.has(id)) {
      if (this.#events.wasLocal(id)) return;
      return this.#events.refuse(errorCodes.streamClosed, `HEADERS on stream ${id}, which is closed`);
    }
    this.#lastStream = Math.max(this.#lastStream, id);
    // What passed before it comes first.
    this.#walk.cut();
    this.#events.requestBlock(id, endStream, block, priority);
  }

  #windowUpdate(head: FrameHead, bytes: Buffer, from: number): Verdict {
    const { stream: id } = head;
    if (head.length !== 4) return this.#wrong(errorCodes.frameSize, "WINDOW_UPDATE of a wrong length");
    const increment = readUint32(bytes, from) & maxWindowBytes;
    const stream = id === 0 ? undefined : this.#events.streams.get(id);
    if (id !== 0 && this.#isIdle(id))
      return this.#wrong(errorCodes.protocol, `WINDOW_UPDATE on stream ${id}, which is idle`);
    if (increment === 0) {
      if (id === 0) return this.#wrong(errorCodes.protocol, "WINDOW_UPDATE of 0");
      if (stream) this.#events.resetStream(id, errorCodes.protocol, "WINDOW_UPDATE of 0");
      return "take";
    }
    if (id === 0) {
      this.#walk.cut();
      this.#events.connectionWindow(increment);
      return "take";
    }
    if (stream instanceof LocalStream) {
      this.#events.streamWindow(stream, increment);
      return "take";
    }
    return stream || (id & 1) === 0 ? this.#through() : "take";
  }

  #reset(head: FrameHead, bytes: Buffer, from: number): Verdict {
    const { stream: id } = head;
    if (head.length !== 4) return this.#wrong(errorCodes.frameSize, "RST_STREAM of a wrong length");
    if (this.#isIdle(id))
      return this.#wrong(errorCodes.protocol, `RST_STREAM on stream ${id}, which is not open`);
    if (!this.#resets.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many RST_STREAM");
    const stream = this.#events.streams.get(id);
    if (stream) this.#events.clientReset(id, stream, readUint32(bytes, from));
    return stream instanceof RelayedStream || (id & 1) === 0 ? this.#through() : "take";
  }

  #settingsFrame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if (head.stream !== 0) return this.#wrong(errorCodes.protocol, "SETTINGS on a stream");
    if ((head.flags & flags.ack) !== 0)
      return head.length === 0
        ? this.#events.clientSettingsAck()
        : this.#wrong(errorCodes.frameSize, "SETTINGS ACK with a payload");
    if (!this.#settings.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many SETTINGS");
    return this.#events.clientSettings(bytes, from, to);
  }

  #ping(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if (head.stream !== 0) return this.#wrong(errorCodes.protocol, "PING on a stream");
    if (head.length !== 8) return this.#wrong(errorCodes.frameSize, "PING of a wrong length");
    if (!this.#chatter.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many PING");
    return this.#events.ping((head.flags & flags.ack) !== 0, bytes.subarray(from, to));
  }

  /** RFC 9113 §5.3.2: a hint of old; it follows its stream. */
  #priority(head: FrameHead): Verdict {
    if (head.stream === 0) return this.#wrong(errorCodes.protocol, "PRIORITY on the connection");
    if (head.length !== 5) return this.#wrong(errorCodes.frameSize, "PRIORITY of a wrong length");
    if (!this.#chatter.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many PRIORITY");
    return this.#events.streams.get(head.stream) instanceof RelayedStream ? this.#through() : "take";
  }
}
