// The link for claimed calls that go on to the upstream: a client of our own, with stream ids, windows and header tables of
// its own. A call that a rule held up could not use the pinned link any more, where later streams have been opened
// meanwhile and ids must only grow (RFC 9113 §5.1.1).
// It is long because it is a whole client: sending, receiving, and the windows between.

import type { HostPort } from "../../../core/address.ts";
import { emptyBody } from "../../../core/body.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { Exchange, Reply } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { Budget } from "./budget.ts";
import { Farewell } from "./farewell.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import {
  defaultFrameBytes,
  defaultWindowBytes,
  errorCodes,
  flags,
  frame,
  frameTypes,
  headerFrames,
  maxWindowBytes,
  preface,
  readUint32,
  resetFrame,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "./frames.ts";
import { Greeting } from "./greeting.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { PeerSettings } from "./peer-settings.ts";
import { requestFields } from "./request-fields.ts";
import { fieldsForHttp2, flawOfTrailers } from "./request-head.ts";
import { ResponseHead } from "./response-head.ts";
import { type RichCallEvents, RichStream } from "./rich-stream.ts";
import { type SendPort, SendQueue } from "./send-queue.ts";
import { bodyLeftAfter } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";
import { StreamRoom } from "./stream-room.ts";

const creditStepBytes = 16_384;
/** SETTINGS_ENABLE_PUSH = 0: nobody here could use a push. */
const ownSettings: readonly (readonly [number, number])[] = [[2, 0]];

export class RichLink implements LinkEvents, FrameReader, SendPort {
  readonly #traffic: Traffic;
  readonly #link: Link;
  readonly #walk = new FrameWalk(this);
  readonly #decoder: HpackDecoder;
  readonly #settings = new PeerSettings();
  readonly #streams = new StreamMap<RichStream>();
  readonly #queue = new SendQueue(this);
  readonly #upstream: HostPort;
  #windowBytes = defaultWindowBytes;
  #nextId = 1;
  #full = false;
  #gone = false;
  #goingAway = false;
  #connectionOwed = 0;
  /** What a server says without being asked, and we must answer (RFC 9113 §10.5). */
  readonly #chatter: Budget;
  #open: { readonly head: FrameHead; readonly parts: Buffer[]; bytes: number } | null = null;
  #dataStream: RichStream | undefined;
  #padLengthDue = false;
  #payloadLeft = 0;
  #dataFlags = 0;
  /** The upstream has sent its SETTINGS. */
  #greeted = false;
  readonly #greeting = new Greeting();
  readonly #head = new ResponseHead();
  /** Set once the upstream has been told off; the link is its own. */
  #farewell: Farewell | null = null;
  /** Who waits for the upstream to take another stream. */
  readonly places = new StreamRoom();

  constructor(traffic: Traffic, upstream: HostPort, dial: Dial) {
    this.#traffic = traffic;
    this.#upstream = upstream;
    const { maxHeadBytes, maxHeaders } = traffic.settings.limits;
    this.#decoder = new HpackDecoder({ maxListBytes: maxHeadBytes, maxFields: maxHeaders });
    this.#chatter = new Budget(10_000, 1_000, traffic.clock);
    this.#link = dial(upstream, this);
    this.#write(Buffer.concat([preface, settingsFrame(ownSettings)]));
  }

  /** False: a further call needs another link. */
  get isUsable(): boolean {
    return !this.#gone && !this.#goingAway;
  }

  /** The upstream takes another stream now (RFC 9113 §5.1.2). */
  get hasRoom(): boolean {
    return this.#streams.size < this.#settings.maxStreams;
  }

  /**
   * Whether the upstream takes extended CONNECT, as soon as it has said so or not (RFC 8441 §3). Rejects as `relay` does,
   * and with the signal's reason.
   */
  async takesConnectProtocol(signal: AbortSignal): Promise<boolean> {
    await this.#greeting.wait(signal);
    return this.#settings.takesConnectProtocol;
  }

  /** Sends the exchange; rejects with connect_failed, connect_timeout or body_cut. */
  relay(exchange: Exchange, connectProtocol: string | null, events: RichCallEvents): Promise<Reply> {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new RichStream(id, this.#settings.windowBytes, exchange.head.method, events, (given) =>
      this.#credit(given, true),
    );
    this.#streams.set(id, stream);
    const isEmpty = exchange.body.lengthBytes === 0;
    const block = encodeLiterals(requestFields(exchange, connectProtocol));
    this.#write(headerFrames(id, isEmpty ? flags.endStream : 0, block));
    if (!isEmpty) void this.#sendBody(exchange, stream);
    return stream.reply;
  }

  /** The call is over, however far it came. */
  abandon(reply: Promise<Reply> | null): void {
    const stream = this.#streams.places.find((place) => place !== null && place.reply === reply);
    if (stream) this.#reset(stream.out.id, stream, errorCodes.cancel);
    if (this.#goingAway && this.#streams.size === 0) this.destroy();
  }

  destroy(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#walk.stop();
    this.#link.destroy(false);
    this.#greeting.fails(errorFor("UC", "the connection is over"));
    for (const [, stream] of this.#streams.entries()) this.#queue.remove(stream.out);
    this.#streams.clear();
    this.places.wakeAll();
  }

  /** A stream has ended: its place is free. */
  #leave(id: number): void {
    this.#streams.delete(id);
    this.places.passOn();
  }

  async #sendBody(exchange: Exchange, stream: RichStream): Promise<void> {
    const { out } = stream;
    const isOpen = () => !stream.failed && this.#streams.get(out.id) === stream;
    try {
      for await (const chunk of exchange.body.chunks()) {
        if (!isOpen()) return;
        await this.#queue.send(out, chunk);
      }
      if (!isOpen()) return;
      const trailers = fieldsForHttp2(exchange.body.trailers());
      if (trailers.length === 0) this.#queue.end(out);
      else this.#write(headerFrames(out.id, flags.endStream, encodeLiterals(trailers)));
    } catch {
      if (isOpen()) this.#fail(out.id, stream, "DC", "the request body was cut");
    }
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  get room(): number {
    return this.#full ? 0 : this.#windowBytes;
  }

  get frameBytes(): number {
    return Math.min(this.#settings.frameBytes, defaultFrameBytes);
  }

  send(bytes: Buffer, dataBytes: number): void {
    this.#windowBytes -= dataBytes;
    this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    if (!this.#gone && !this.#link.write(bytes)) this.#full = true;
  }

  #credit(stream: RichStream, all: boolean): void {
    if (stream.owedBytes === 0 || stream.full || !this.#streams.has(stream.out.id)) return;
    if (!all && stream.owedBytes < creditStepBytes) return;
    this.#write(windowUpdateFrame(stream.out.id, stream.owedBytes));
    stream.owedBytes = 0;
  }

  #reset(id: number, stream: RichStream, code: number): void {
    this.#leave(id);
    this.#queue.remove(stream.out);
    stream.failed = true;
    this.#write(resetFrame(id, code));
  }

  #fail(id: number, stream: RichStream, flag: Flag, detail: string): void {
    this.#reset(id, stream, errorCodes.cancel);
    this.#failed(stream, flag, detail);
  }

  #failed(stream: RichStream, flag: Flag, detail: string): void {
    stream.failed = true;
    stream.events.failed(flag, detail);
    const error = errorFor(flag, detail);
    stream.pipe.fail(error);
    stream.reject(error);
  }

  // ── link events ──────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Buffer): boolean {
    if (this.#farewell) return this.#farewell.data(chunk);
    this.#walk.feed(chunk);
    if (this.#connectionOwed > 0) this.#write(windowUpdateFrame(0, this.#connectionOwed));
    this.#connectionOwed = 0;
    return true;
  }

  drain(): void {
    this.#full = false;
    this.#queue.pump();
  }

  end(): void {
    if (this.#farewell) return this.#farewell.end();
    this.#close("UC", "the upstream ended the connection");
    this.#link.destroy(false);
  }

  close(how: LinkEnd, detail: string): void {
    if (this.#farewell) return this.#farewell.close();
    const flag = how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC";
    this.#close(flag, detail === "" ? "the upstream ended the connection" : detail);
  }

  #close(flag: Flag, detail: string): void {
    this.#gone = true;
    this.#greeting.fails(errorFor(flag, detail));
    const streams = this.#streams.entries();
    this.#streams.clear();
    for (const [, stream] of streams) {
      this.#queue.remove(stream.out);
      this.#failed(stream, flag, detail);
    }
    this.places.wakeAll();
  }

  #broke(code: number, detail: string): "take" {
    this.#walk.stop();
    this.#farewell = new Farewell(this.#link, this.#traffic, code, detail);
    this.#close("UPE", `the upstream broke HTTP/2: ${detail}`);
    return "take";
  }

  // ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────

  forward(): void {
    // Nothing passes: every frame ends here.
  }

  admits(head: FrameHead): boolean {
    if (head.length > defaultFrameBytes) this.#broke(errorCodes.frameSize, `a frame of ${head.length} bytes`);
    else if (!this.#greeted && (head.type !== frameTypes.settings || (head.flags & flags.ack) !== 0))
      this.#broke(errorCodes.protocol, "its first frame is not SETTINGS");
    this.#greeted = true;
    if (this.#gone) return false;
    const continues = head.type === frameTypes.continuation;
    if (this.#open ? !continues || head.stream !== this.#open.head.stream : continues)
      this.#broke(errorCodes.protocol, "header blocks and CONTINUATION do not follow each other");
    return !this.#gone;
  }

  dataBegins(head: FrameHead): "take" {
    const { length, padding } = head;
    const stream = this.#streams.get(head.stream);
    this.#dataStream = undefined;
    this.#dataFlags = head.flags;
    this.#padLengthDue = padding > 0;
    this.#payloadLeft = length;
    this.#connectionOwed += length;
    if (padding > length || (length === 0 && (head.flags & flags.padded) !== 0))
      return this.#broke(errorCodes.protocol, "padding larger than its frame");
    if (this.#connectionOwed > defaultWindowBytes)
      return this.#broke(errorCodes.flowControl, "more DATA than the connection's window");
    if (this.#isIdle(head.stream))
      return this.#broke(errorCodes.protocol, `DATA on stream ${head.stream}, which is not open`);
    if (!stream) return "take";
    stream.owedBytes += length;
    if (stream.owedBytes > defaultWindowBytes)
      return this.#broke(errorCodes.flowControl, "more DATA than the stream's window");
    const flaw = this.#flawOfData(stream, length - padding);
    if (flaw) return this.#malformed(stream, flaw);
    this.#dataStream = stream;
    return "take";
  }

  /** RFC 9113 §8.1, §8.1.1 */
  #flawOfData(stream: RichStream, bytes: number): string | null {
    if (!stream.responded) return "DATA before a final head";
    if (stream.bodyLeft === null) return null;
    stream.bodyLeft = bodyLeftAfter(stream.bodyLeft, bytes, (this.#dataFlags & flags.endStream) !== 0);
    return stream.bodyLeft < 0 ? "its body is not content-length long" : null;
  }

  /** RFC 9113 §5.1: neither the upstream nor we have opened it. */
  #isIdle(id: number): boolean {
    return id === 0 || (id & 1) === 0 || id >= this.#nextId;
  }

  #malformed(stream: RichStream, flaw: string): "take" {
    const { id } = stream.out;
    this.#reset(id, stream, errorCodes.protocol);
    this.#failed(stream, "UPE", `the upstream sent a malformed response: ${flaw}`);
    return "take";
  }

  payload(bytes: Buffer): void {
    let part = bytes;
    if (this.#padLengthDue && part.length > 0) {
      this.#padLengthDue = false;
      this.#payloadLeft -= 1 + (part[0] ?? 0);
      part = part.subarray(1);
    }
    part = part.subarray(0, Math.max(0, this.#payloadLeft));
    this.#payloadLeft -= part.length;
    if (part.length > 0) this.#dataStream?.pipe.push(Buffer.from(part)); // the link uses its buffer again
  }

  dataEnds(): void {
    const stream = this.#dataStream;
    if (!stream) return;
    if ((this.#dataFlags & flags.endStream) !== 0) this.#responseEnds(stream, []);
    else this.#credit(stream, false);
  }

  frame(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    switch (head.type) {
      case frameTypes.headers:
        return this.#headers(head, bytes, from, to);
      case frameTypes.continuation:
        return this.#continuation(head, bytes, from, to);
      case frameTypes.settings:
        return this.#settingsFrame(head, bytes, from, to);
      case frameTypes.windowUpdate:
        if (head.length !== 4) return this.#broke(errorCodes.frameSize, "WINDOW_UPDATE of a wrong length");
        return this.#windowUpdate(head.stream, readUint32(bytes, from) & maxWindowBytes);
      case frameTypes.ping:
        return this.#ping(head, bytes.subarray(from, to));
      case frameTypes.reset:
        return this.#resetByUpstream(head, bytes, from);
      case frameTypes.goAway:
        if (head.stream !== 0) return this.#broke(errorCodes.protocol, "GOAWAY on a stream");
        if (head.length < 8) return this.#broke(errorCodes.frameSize, "GOAWAY of a wrong length");
        return this.#goAway(readUint32(bytes, from) & maxWindowBytes);
      case frameTypes.priority:
        if (head.stream === 0) return this.#broke(errorCodes.protocol, "PRIORITY on the connection");
        return head.length === 5 ? "take" : this.#broke(errorCodes.frameSize, "PRIORITY of a wrong length");
      case frameTypes.pushPromise:
        return this.#broke(errorCodes.protocol, "PUSH_PROMISE although push is off");
      default:
        return "take";
    }
  }

  #ping(head: FrameHead, payload: Buffer): "take" {
    if (head.stream !== 0) return this.#broke(errorCodes.protocol, "PING on a stream");
    if (head.length !== 8) return this.#broke(errorCodes.frameSize, "PING of a wrong length");
    if ((head.flags & flags.ack) !== 0) return "take";
    if (!this.#chatter.spend()) return this.#broke(errorCodes.enhanceYourCalm, "too many PING");
    this.#write(frame(frameTypes.ping, flags.ack, 0, payload));
    return "take";
  }

  #resetByUpstream(head: FrameHead, bytes: Buffer, from: number): "take" {
    if (head.length !== 4) return this.#broke(errorCodes.frameSize, "RST_STREAM of a wrong length");
    if (this.#isIdle(head.stream))
      return this.#broke(errorCodes.protocol, `RST_STREAM on stream ${head.stream}, which is not open`);
    const stream = this.#streams.get(head.stream);
    if (!stream) return "take";
    this.#leave(head.stream);
    this.#queue.remove(stream.out);
    this.#failed(stream, "UC", `the upstream reset the stream with code ${readUint32(bytes, from)}`);
    return "take";
  }

  #goAway(last: number): "take" {
    this.#goingAway = true;
    for (const [id, stream] of this.#streams.entries()) {
      if (id > last) this.#fail(id, stream, "UC", "the upstream is going away");
    }
    this.places.wakeAll();
    return "take";
  }

  #settingsFrame(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    if (head.stream !== 0) return this.#broke(errorCodes.protocol, "SETTINGS on a stream");
    if ((head.flags & flags.ack) !== 0)
      return head.length === 0 ? "take" : this.#broke(errorCodes.frameSize, "SETTINGS ACK with a payload");
    if (!this.#chatter.spend()) return this.#broke(errorCodes.enhanceYourCalm, "too many SETTINGS");
    const before = this.#settings.windowBytes;
    const flaw = this.#settings.take(bytes, from, to);
    if (this.#settings.saysPush) return this.#broke(errorCodes.protocol, "SETTINGS_ENABLE_PUSH of a server");
    if (flaw) return this.#broke(flaw.code, flaw.reason);
    const change = this.#settings.windowBytes - before;
    for (const [, stream] of this.#streams.entries()) {
      stream.out.windowBytes += change;
      if (stream.out.windowBytes > maxWindowBytes)
        return this.#broke(errorCodes.flowControl, "SETTINGS make a window larger than 2^31-1");
    }
    this.#write(settingsAck);
    this.places.wakeAll();
    this.#greeting.came();
    this.#queue.pump();
    return "take";
  }

  #windowUpdate(id: number, increment: number): "take" {
    if (id !== 0 && this.#isIdle(id))
      return this.#broke(errorCodes.protocol, `WINDOW_UPDATE on stream ${id}, which is not open`);
    const stream = this.#streams.get(id);
    if (increment === 0) {
      if (id === 0) return this.#broke(errorCodes.protocol, "WINDOW_UPDATE of 0");
      return stream ? this.#malformed(stream, "WINDOW_UPDATE of 0") : "take";
    }
    if (id === 0) this.#windowBytes += increment;
    if (this.#windowBytes > maxWindowBytes)
      return this.#broke(errorCodes.flowControl, "a connection window larger than 2^31-1");
    if (stream) {
      stream.out.windowBytes += increment;
      if (stream.out.windowBytes > maxWindowBytes)
        return this.#malformed(stream, "a window larger than 2^31-1");
    }
    this.#queue.pump();
    return "take";
  }

  #headers(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const padded = (head.flags & flags.padded) !== 0;
    const blockAt = from + (padded ? 1 : 0) + ((head.flags & flags.priority) !== 0 ? 5 : 0);
    const blockTo = to - (padded ? (bytes[from] ?? 0) : 0);
    if (this.#isIdle(head.stream))
      return this.#broke(errorCodes.protocol, `HEADERS on stream ${head.stream}, which is not open`);
    if (blockAt > to) return this.#broke(errorCodes.frameSize, "HEADERS without what their flags say");
    if (blockAt > blockTo) return this.#broke(errorCodes.protocol, "padding larger than its frame");
    if ((head.flags & flags.endHeaders) !== 0) return this.#block(head, bytes, blockAt, blockTo);
    const part = Buffer.from(bytes.subarray(blockAt, blockTo));
    this.#open = { head: { ...head }, parts: [part], bytes: part.length };
    return "take";
  }

  #continuation(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const open = this.#open;
    if (!open) return "take";
    open.parts.push(Buffer.from(bytes.subarray(from, to)));
    open.bytes += to - from;
    if (open.bytes > this.#traffic.settings.limits.maxHeadBytes || open.parts.length > 128)
      return this.#broke(errorCodes.enhanceYourCalm, "a header block without end");
    if ((head.flags & flags.endHeaders) === 0) return "take";
    this.#open = null;
    const whole = Buffer.concat(open.parts);
    return this.#block(open.head, whole, 0, whole.length);
  }

  #block(head: FrameHead, bytes: Buffer, from: number, to: number): "take" {
    const block = this.#decoder.decode(bytes, from, to);
    if ("flaw" in block) return this.#broke(errorCodes.compression, block.flaw);
    const stream = this.#streams.get(head.stream);
    if (!stream) return "take";
    const ends = (head.flags & flags.endStream) !== 0;
    const flaw = stream.responded ? this.#trailers(stream, block, ends) : this.#response(stream, block, ends);
    return flaw === null ? "take" : this.#malformed(stream, flaw);
  }

  /** What is wrong with the trailers; null where nothing is. */
  #trailers(stream: RichStream, block: HeaderBlock, ends: boolean): string | null {
    if (!ends) return "a header block behind the head does not end the stream";
    if ((stream.bodyLeft ?? 0) > 0) return "its body is not content-length long";
    const flaw = flawOfTrailers(block) ?? (block.tooLarge ? "its trailers are too large" : null);
    if (flaw === null) this.#responseEnds(stream, listOf(block, 0));
    return flaw;
  }

  #response(stream: RichStream, block: HeaderBlock, ends: boolean): string | null {
    const head = this.#head;
    const flaw = head.read(block) ?? (block.tooLarge ? "its head is too large" : null);
    if (flaw !== null) return flaw;
    const { status, contentLength } = head;
    if (status < 200) {
      if (ends) return `an interim response of ${status} ends the stream`;
      stream.events.interim(listOf(block, 0));
      return null;
    }
    stream.responded = true;
    const bodiless = stream.isHead || status === 204 || status === 304;
    stream.bodyLeft = bodiless ? 0 : contentLength;
    if (ends && (stream.bodyLeft ?? 0) > 0) return "content-length without a body";
    const headers = listOf(block, 1);
    const body = ends ? emptyBody : stream.pipe.body(contentLength);
    stream.resolve({ kind: "response", status, reason: "", headers, body });
    if (ends) this.#responseEnds(stream, []);
    return null;
  }

  #responseEnds(stream: RichStream, trailers: HeaderList): void {
    this.#leave(stream.out.id);
    this.#queue.remove(stream.out);
    stream.pipe.end(trailers);
  }

  get upstream(): HostPort {
    return this.#upstream;
  }
}

function errorFor(flag: Flag, detail: string): UnderstudyError {
  const code = flag === "UF" ? "connect_failed" : flag === "UT" ? "connect_timeout" : "body_cut";
  return new UnderstudyError(code, detail);
}

function listOf(block: HeaderBlock, from: number): [string, string][] {
  return block.fields.slice(from).map(({ name, value }) => [name, value]);
}
