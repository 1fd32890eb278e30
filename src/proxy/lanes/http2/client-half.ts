// What the client sends, frame by frame: the checks that belong to each type (RFC 9113 §6), and whether it goes on to the
// upstream as it is ("pass") or ends here ("take"). Header blocks and DATA have parts of their own.
//
//   preface ──► SETTINGS ──► HEADERS, CONTINUATION ─► RequestBlocks
//                            DATA ──────────────────► RequestData
//                            all others ────────────► here

import type { Clock } from "../../../core/clock.ts";
import type { Limits } from "../../../core/settings.ts";
import { Budget } from "./budget.ts";
import type { ClientEvents } from "./client-events.ts";
import { flawOfFrame } from "./frame-flaw.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import { errorCodes, flags, frameTypes, maxWindowBytes, preface, readUint32 } from "./frames.ts";
import type { HpackDecoder } from "./hpack/decoder.ts";
import { RequestBlocks } from "./request-blocks.ts";
import { RequestData } from "./request-data.ts";
import { LocalStream, RelayedStream } from "./stream.ts";

type Verdict = "pass" | "take";

export class ClientHalf implements FrameReader {
  readonly #walk = new FrameWalk(this);
  readonly #events: ClientEvents;
  readonly #maxHeadBytes: number;
  // RST_STREAM as nghttp2 allows it; the others are what no honest client reaches (RFC 9113 §10.5).
  readonly #resets: Budget;
  readonly #settings: Budget;
  readonly #chatter: Budget;
  readonly #blocks: RequestBlocks;
  readonly #data: RequestData;
  /** Bytes of the preface that have come; -1: SETTINGS have come too. */
  #prefaceBytes = 0;

  constructor(events: ClientEvents, limits: Limits, clock: Clock) {
    this.#events = events;
    this.#maxHeadBytes = limits.maxHeadBytes;
    this.#resets = new Budget(1_000, 33, clock);
    this.#settings = new Budget(100, 10, clock);
    this.#chatter = new Budget(10_000, 1_000, clock);
    this.#blocks = new RequestBlocks(events, limits, this.#walk);
    this.#data = new RequestData({
      events,
      blocks: this.#blocks,
      chatter: this.#chatter,
      walk: this.#walk,
    });
  }

  /** Of the client's header blocks. */
  get decoder(): HpackDecoder {
    return this.#blocks.decoder;
  }

  /** The highest stream that the client has opened. */
  get lastStream(): number {
    return this.#blocks.lastStream;
  }

  /** What is put in upstream now would stand inside a frame of the client, or before its SETTINGS. */
  get insideFrame(): boolean {
    return this.#walk.insideFrame || this.#prefaceBytes >= 0;
  }

  /** The preface, a frame head or a header block has begun and is not complete. */
  get insideHead(): boolean {
    return this.#prefaceBytes >= 0 || this.#blocks.isOpen || this.#walk.isWaiting;
  }

  /** The client has opened this stream before its preface (RFC 7540 §3.2). */
  hasAsked(stream: number): void {
    this.#blocks.lastStream = stream;
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
    const { type, length } = head;
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
    if (this.#blocks.breaksOff(head))
      return this.#refuse(errorCodes.protocol, "header blocks and CONTINUATION do not follow each other");
    return true;
  }

  dataBegins(head: FrameHead): Verdict {
    return this.#data.begins(head);
  }

  payload(bytes: Buffer): void {
    this.#data.payload(bytes);
  }

  dataEnds(): void {
    this.#data.ends();
  }

  frame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if (head.type === frameTypes.headers) {
      this.#blocks.begins(head, bytes, from, to);
      return "take";
    }
    const flaw = flawOfFrame(head);
    if (flaw) return this.#wrong(flaw.code, flaw.reason);
    switch (head.type) {
      case frameTypes.continuation:
        this.#blocks.goesOn(head, bytes, from, to);
        return "take";
      case frameTypes.windowUpdate:
        return this.#windowUpdate(head, bytes, from);
      case frameTypes.reset:
        return this.#reset(head, bytes, from);
      case frameTypes.settings:
        return this.#settingsFrame(head, bytes, from, to);
      case frameTypes.ping:
        if (!this.#chatter.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many PING");
        return this.#events.ping((head.flags & flags.ack) !== 0, bytes.subarray(from, to));
      case frameTypes.priority:
        return this.#priority(head);
      case frameTypes.goAway:
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

  #windowUpdate({ stream: id }: FrameHead, bytes: Buffer, from: number): Verdict {
    const increment = readUint32(bytes, from) & maxWindowBytes;
    const stream = id === 0 ? undefined : this.#events.streams.get(id);
    if (id !== 0 && this.#blocks.isIdle(id))
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

  #reset({ stream: id }: FrameHead, bytes: Buffer, from: number): Verdict {
    if (this.#blocks.isIdle(id))
      return this.#wrong(errorCodes.protocol, `RST_STREAM on stream ${id}, which is not open`);
    if (!this.#resets.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many RST_STREAM");
    const stream = this.#events.streams.get(id);
    if (stream) this.#events.clientReset(id, stream, readUint32(bytes, from));
    return stream instanceof RelayedStream || (id & 1) === 0 ? this.#through() : "take";
  }

  #settingsFrame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if ((head.flags & flags.ack) !== 0) return this.#events.clientSettingsAck();
    if (!this.#settings.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many SETTINGS");
    return this.#events.clientSettings(bytes, from, to);
  }

  /** RFC 9113 §5.3.2: a hint of old; it follows its stream. */
  #priority({ stream }: FrameHead): Verdict {
    if (!this.#chatter.spend()) return this.#wrong(errorCodes.enhanceYourCalm, "too many PRIORITY");
    return this.#events.streams.get(stream) instanceof RelayedStream ? this.#through() : "take";
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
}
