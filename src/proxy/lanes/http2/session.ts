// One HTTP/2 connection: the client's half, the pinned link, the streams, and the accounts that keep them apart. It is long
// because it is the one place where all of them meet.
//
//             ┌──nobody claims──► pinned link, same stream id; DATA and all else as the bytes that came
//   HEADERS ──┼──a fixed mock───► HEADERS and DATA at once
//             └──claimed────────► rich road ──relay──► rich link, ids of its own
//
// The client's connection window is one, and two senders use it: the upstream, which knows only what we passed on of it,
// and ourselves. #window is the truth; up.windowBytes is what the upstream believes. See docs/decisions/http2-relay.md.

import type { Connection } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Claim, Session, Traffic, Undecided } from "../../../core/lane.ts";
import type { LinkEnd } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { BorrowedBytes } from "../borrowed-bytes.ts";
import { Http2Call } from "./call.ts";
import { type ClientEvents, ClientHalf } from "./client-half.ts";
import { type FixedReplies, replyFields } from "./fixed-replies.ts";
import {
  defaultWindowBytes,
  errorCodes,
  flags,
  frame,
  frameTypes,
  goAwayFrame,
  headerFrames,
  maxWindowBytes,
  resetFrame,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from "./frames.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import type { Field } from "./hpack/field.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { Outlet } from "./outlet.ts";
import { peekBody } from "./peek.ts";
import { PeerSettings } from "./peer-settings.ts";
import { flawOfTrailers, Http2Head, readRequestHead } from "./request-head.ts";
import { RichLink } from "./rich-link.ts";
import { failureReply, serveRich } from "./rich-road.ts";
import { type SendPort, SendQueue } from "./send-queue.ts";
import { type Http2Stream, LocalStream, RelayedStream } from "./stream.ts";
import { type UpstreamEvents, UpstreamHalf } from "./upstream-half.ts";

/** Streams that are open at once; further ones are refused, which a client may try again. */
const maxStreams = 4_096;
/** Streams that were answered here or reset, remembered for frames that were on their way. */
const maxRemembered = 1_024;
/** Request bodies held for claimed calls together, before the client is not read any more. */
const maxHeldBodies = 4_194_304;
/** How far replies of ours may run ahead of the window that the upstream believes to have. */
const maxDebtBytes = defaultWindowBytes;
/** For the upstream's SETTINGS, before the client gets empty ones. */
const settingsGraceMs = 250;
/** For a client to read our last words and close. */
const lingerMs = 2_000;
const noBytes = Buffer.alloc(0);

type Verdict = "pass" | "take";

export class Http2Session implements Session, Deadlined, ClientEvents, UpstreamEvents, SendPort {
  deadlineAt: number;
  readonly streams = new Map<number, Http2Stream>();
  readonly #connection: Connection;
  readonly #traffic: Traffic;
  readonly #fixed: FixedReplies;
  readonly #client: ClientHalf;
  readonly #up: UpstreamHalf;
  readonly #encoder = new HpackEncoder();
  readonly #queue = new SendQueue(this);
  readonly #borrowed: BorrowedBytes;
  readonly #toClient: Outlet;
  readonly #toUpstream: Outlet;
  readonly #clientSettings = new PeerSettings();
  readonly #serverSettings = new PeerSettings();
  readonly #remembered = new Set<number>();
  #rich: RichLink | null = null;
  /** Whose SETTINGS the next ACK answers; `bytes`: the table size that holds from then on. */
  #acksFromClient: { readonly from: "us" | "upstream"; readonly bytes: number }[] = [];
  #acksFromUpstream: { readonly from: "us" | "client"; readonly bytes: number }[] = [];
  /** A smaller table that the client's decoder must be told about (RFC 7541 §4.2); -1: none. */
  #tableDue = -1;
  /** What the client takes on the connection. */
  #window = defaultWindowBytes;
  /** What the client may send on the connection. */
  #uploadWindow = defaultWindowBytes;
  #creditDue = 0;
  #settingsSent = false;
  #settingsBy = Number.POSITIVE_INFINITY;
  #headBegunAt = -1;
  /** Our replies have gone to this stream at most: GOAWAY must not disown them. */
  #lastLocal = 0;
  #goAwaySent = false;
  #refusesRelay = false;
  #clientFull = false;
  #upstreamFull = false;
  #feeding = false;
  #flushDue = false;
  #upstreamGone = false;
  #clientEnded = false;
  #closing = false;
  #gone = false;

  constructor(connection: Connection, traffic: Traffic, fixed: FixedReplies) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#fixed = fixed;
    this.#client = new ClientHalf(this, traffic.settings.limits, traffic.clock);
    this.#up = new UpstreamHalf(this, traffic, connection.dial ?? traffic.dial);
    this.#borrowed = new BorrowedBytes(connection.socket, () => this.#up.released());
    this.#toClient = new Outlet((bytes) => this.#writeClient(bytes));
    this.#toUpstream = new Outlet((bytes) => this.#writeUpstream(bytes));
    this.deadlineAt = traffic.clock.now() + traffic.settings.deadlines.idleMs;
  }

  /** `first`: bytes that were read to detect the protocol. */
  start(first: Buffer | null): void {
    const { socket } = this.#connection;
    this.#traffic.deadlines.add(this);
    socket.on("data", (chunk: Buffer) => this.#fromClient(chunk));
    socket.on("drain", () => this.#clientDrained());
    socket.on("end", () => this.#onClientEnd());
    socket.on("error", () => undefined); // close follows
    socket.on("close", () => this.#onClientClose());
    if (first) this.#fromClient(first);
    if (socket.readableEnded) this.#onClientEnd();
    if (socket.destroyed) this.#onClientClose();
    else this.#updateFlow();
  }

  /** RFC 9113 §6.8: what is open goes on; what comes now belongs on another connection. */
  drain(): void {
    if (this.#gone || this.#closing) return;
    this.#sayGoAway(this.#client.lastStream, errorCodes.none, "");
    this.#closeWhenDone();
  }

  // ── the client's socket ──────────────────────────────────────────────────────────────────────────────────────────

  #fromClient(chunk: Buffer): void {
    if (this.#gone || this.#closing) return;
    const now = this.#traffic.clock.now();
    this.#feeding = true;
    this.#client.feed(chunk);
    if (!this.#client.insideFrame) this.#toUpstream.border();
    this.#feeding = false;
    if (this.#creditDue > 0) this.#aside(windowUpdateFrame(0, this.#takeCredit()));
    if (!this.#client.insideHead) this.#headBegunAt = -1;
    else if (this.#headBegunAt < 0) this.#headBegunAt = now;
    if (!this.#settingsSent) this.#awaitSettings(now);
    this.#flush();
    this.#setDeadline(now);
    this.#updateFlow();
  }

  /** A client that says nothing more waits for the upstream's SETTINGS: it gets them, or in time empty ones. */
  #awaitSettings(now: number): void {
    if (this.#settingsBy !== Number.POSITIVE_INFINITY || this.#client.insideHead) return;
    this.#settingsBy = now + settingsGraceMs;
    this.#connectPinned();
  }

  #takeCredit(): number {
    const bytes = this.#creditDue;
    this.#creditDue = 0;
    this.#uploadWindow += bytes;
    return bytes;
  }

  #clientDrained(): void {
    this.#clientFull = false;
    this.#up.release();
    if (!this.#clientFull) this.#up.resume();
    this.#queue.pump();
    this.#flush();
  }

  #onClientEnd(): void {
    if (this.#clientEnded) return;
    this.#clientEnded = true;
    for (const [id, stream] of this.streams) {
      if (stream instanceof LocalStream && !stream.requestDone)
        stream.pipe.fail(
          new UnderstudyError("body_cut", `the client ended inside the request of stream ${id}`),
        );
    }
    if (this.#up.isDialled && !this.#closing) this.#up.endRequests();
    this.#closeWhenDone();
  }

  #onClientClose(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#traffic.deadlines.remove(this);
    this.#client.stop();
    const cut = this.streams.size > 0;
    for (const [id, stream] of [...this.streams]) {
      this.streams.delete(id);
      stream.call.fail("failed", "DC", "the client left before its reply was complete");
      this.#giveUp(stream);
      stream.call.finish(this.#traffic);
    }
    this.#up.drop(cut);
    this.#rich?.destroy();
  }

  #giveUp(stream: Http2Stream): void {
    if (stream instanceof RelayedStream) return;
    this.#queue.remove(stream.out);
    stream.abort.abort(new UnderstudyError("aborted", "the client left"));
    stream.pipe.fail(new UnderstudyError("body_cut", "the client left"));
  }

  expire(): void {
    const now = this.#traffic.clock.now();
    const { headMs, idleMs, responseMs, opaqueIdleMs } = this.#traffic.settings.deadlines;
    if (this.#closing) return void this.#connection.socket.destroy();
    if (!this.#settingsSent && now >= this.#settingsBy) this.#sendSettings();
    if (this.#headBegunAt >= 0 && now >= this.#headBegunAt + headMs)
      return this.refuse(
        errorCodes.enhanceYourCalm,
        `a frame or head was not complete after ${headMs} ms`,
        "SI",
      );
    if (this.streams.size === 0 && now >= this.#progressAt + idleMs) {
      this.#sayGoAway(this.#client.lastStream, errorCodes.none, "idle");
      return this.#closeWhenDone();
    }
    for (const [id, stream] of [...this.streams]) {
      if (!(stream instanceof RelayedStream) || stream.responded || !stream.requestDone) continue;
      if (now < stream.call.startedAt + responseMs || now < this.#progressAt + responseMs) continue;
      stream.call.fail("failed", "UT", `no byte of the response for ${responseMs} ms`);
      this.#resetBoth(id, stream, errorCodes.cancel);
    }
    if (now >= this.#progressAt + opaqueIdleMs)
      return this.refuse(errorCodes.none, `no byte in either direction for ${opaqueIdleMs} ms`, "SI");
    this.#flush();
    this.#setDeadline(now, this.#progressAt);
  }

  #progressAt = 0;

  #setDeadline(now: number, progressAt = now): void {
    const { headMs, idleMs, responseMs, opaqueIdleMs } = this.#traffic.settings.deadlines;
    this.#progressAt = progressAt;
    if (this.#closing) return;
    let at =
      this.streams.size === 0
        ? progressAt + idleMs
        : Math.max(now, progressAt) + Math.min(responseMs, opaqueIdleMs);
    if (this.#headBegunAt >= 0) at = Math.min(at, this.#headBegunAt + headMs);
    if (!this.#settingsSent) at = Math.min(at, this.#settingsBy);
    this.deadlineAt = at;
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #writeClient(bytes: Buffer): void {
    if (this.#gone || this.#borrowed.write(bytes)) return;
    this.#clientFull = true;
    this.#up.pause();
  }

  #writeUpstream(bytes: Buffer): void {
    if (this.#up.send(bytes)) return;
    this.#upstreamFull = true;
  }

  /** Frames of ours to the client, where no frame of the upstream is half-way through. */
  #aside(bytes: Buffer): void {
    if (this.#closing) return;
    this.#toClient.addAside(bytes, !this.#up.insideFrame);
    if (!this.#feeding) this.#flushSoon();
  }

  #flush(): void {
    this.#toClient.flush();
    this.#toUpstream.flush();
  }

  /** What several calls write in one turn goes out together. */
  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #updateFlow(): void {
    const { socket } = this.#connection;
    let held = 0;
    if (this.#upstreamFull) held = Number.POSITIVE_INFINITY;
    else
      for (const stream of this.streams.values()) if (stream instanceof LocalStream) held += stream.owedBytes;
    if (held > maxHeldBodies) socket.pause();
    else if (socket.isPaused() || !socket.readableFlowing) socket.resume();
  }

  // ── SendPort: DATA of ours ───────────────────────────────────────────────────────────────────────────────────────

  get room(): number {
    if (this.#clientFull || !this.#up.held.isEmpty) return 0;
    if (!this.#up.isDialled) return this.#window;
    return Math.min(this.#window, this.#window - this.#up.windowBytes + maxDebtBytes);
  }

  get frameBytes(): number {
    return Math.min(this.#clientSettings.frameBytes, 65_536);
  }

  send(bytes: Buffer, dataBytes: number): void {
    this.#window -= dataBytes;
    this.#aside(bytes);
  }

  // ── ClientEvents ─────────────────────────────────────────────────────────────────────────────────────────────────

  get serverFrameBytes(): number {
    return this.#serverSettings.frameBytes;
  }

  get hasUpstream(): boolean {
    return this.#up.isDialled;
  }

  toUpstream(bytes: Buffer): void {
    this.#toUpstream.add(bytes);
  }

  get uploadWaits(): boolean {
    return this.#toUpstream.waits;
  }

  uploadBorder(): void {
    this.#toUpstream.border();
  }

  requestBlock(id: number, endStream: boolean, block: HeaderBlock, priority: Buffer): void {
    const stream = this.streams.get(id);
    if (stream) return this.#trailers(id, stream, endStream, block);
    if (this.#goAwaySent || this.streams.size >= maxStreams)
      return this.#refuseStream(id, errorCodes.refusedStream);
    const head = readRequestHead(block);
    if (typeof head === "string") return this.#malformed(id, block, head);
    const call = new Http2Call(this.#connection, head, this.#traffic, this.#traffic.clock.now());
    call.requestBytes = block.listBytes;
    if (block.tooLarge) return this.#headTooLarge(id, head, call, endStream);
    if (endStream && head.contentLength !== null && head.contentLength > 0)
      return this.#malformed(id, block, "content-length without a body");
    const isTunnel = head.method === "CONNECT" && head.connectProtocol === null;
    const verdict = isTunnel ? null : this.#traffic.decide(head, this.#connection);
    const decided = verdict?.kind === "undecided" && endStream ? verdict.decide(new Uint8Array(0)) : verdict;
    if (decided === null) this.#relay(id, endStream, block, priority, head, call);
    else this.#local(id, endStream, decided, head, call);
  }

  #relay(
    id: number,
    endStream: boolean,
    block: HeaderBlock,
    priority: Buffer,
    head: Http2Head,
    call: Http2Call,
  ): void {
    if (this.#refusesRelay || this.#upstreamGone) {
      call.fail("failed", "UC", "the upstream is going away");
      call.finish(this.#traffic);
      return this.#refuseStream(id, errorCodes.refusedStream);
    }
    this.#connectPinned();
    const stream = new RelayedStream(call, head.contentLength);
    stream.requestDone = endStream;
    this.streams.set(id, stream);
    const bits = (endStream ? flags.endStream : 0) | (priority.length > 0 ? flags.priority : 0);
    this.#toUpstream.add(headerFrames(id, bits, this.#encoder.encode(block), priority));
  }

  #connectPinned(): void {
    const upstream = this.#connection.originalDestination;
    if (!upstream || this.#up.isDialled || this.#upstreamGone) return;
    this.#encoder.reset();
    this.#acksFromUpstream = [{ from: "us", bytes: this.#clientSettings.tableBytes }];
    this.#up.connect(upstream, this.#clientSettings.said, this.#window);
  }

  #trailers(id: number, stream: Http2Stream, endStream: boolean, block: HeaderBlock): void {
    if (stream.requestDone)
      return this.refuse(errorCodes.streamClosed, `HEADERS behind the end of stream ${id}`);
    const flaw = endStream ? flawOfTrailers(block) : "a second header block does not end the stream";
    if (flaw ?? (block.tooLarge ? "trailers are too large" : null))
      return this.resetStream(id, errorCodes.protocol, flaw ?? "trailers are too large");
    stream.call.requestBytes += block.listBytes;
    if (stream instanceof RelayedStream)
      this.#toUpstream.add(headerFrames(id, flags.endStream, this.#encoder.encode(block)));
    else
      this.#endLocalRequest(
        stream,
        block.fields.map(({ field }) => pairOf(field)),
      );
    stream.requestDone = true;
    this.#closeIfDone(id, stream);
  }

  #refuseStream(id: number, code: number): void {
    this.#remember(id);
    this.#aside(resetFrame(id, code));
  }

  #malformed(id: number, block: HeaderBlock, reason: string): void {
    const call = new Http2Call(
      this.#connection,
      new Http2Head(block.fields, 0),
      this.#traffic,
      this.#traffic.clock.now(),
    );
    call.fail("refused", "DPE", reason);
    call.finish(this.#traffic);
    this.#refuseStream(id, errorCodes.protocol);
  }

  #headTooLarge(id: number, head: Http2Head, call: Http2Call, endStream: boolean): void {
    const detail = `the header list is larger than ${this.#traffic.settings.limits.maxHeadBytes} bytes, or has too many fields`;
    call.fail("refused", "DPE", detail);
    call.status = 431;
    const stream = this.#openLocal(id, endStream, head, call);
    stream.discards = true;
    const { headers, body } = failureReply(431, detail);
    this.#sendFields(stream, replyFields(431, headers, body.lengthBytes, null), true);
  }

  spendUpload(bytes: number): boolean {
    this.#uploadWindow -= bytes;
    return this.#uploadWindow >= 0;
  }

  creditConnection(bytes: number): void {
    this.#creditDue += bytes;
  }

  localData(stream: LocalStream): void {
    this.#creditDue += stream.owedBytes - stream.countedBytes;
    stream.countedBytes = stream.owedBytes;
    stream.settle(false);
  }

  requestEnded(id: number, stream: Http2Stream): void {
    if (stream instanceof LocalStream) this.#endLocalRequest(stream, []);
    stream.requestDone = true;
    this.#closeIfDone(id, stream);
  }

  #endLocalRequest(stream: LocalStream, trailers: HeaderList): void {
    stream.requestDone = true;
    stream.pipe.end(trailers);
    const { peek } = stream;
    stream.peek = null;
    peek?.(null);
  }

  resetStream(id: number, code: number, why: string): void {
    const stream = this.streams.get(id);
    if (!stream) return;
    stream.call.fail("refused", "DPE", why);
    this.#resetBoth(id, stream, code);
  }

  #resetBoth(id: number, stream: Http2Stream, code: number): void {
    this.#aside(resetFrame(id, code));
    if (stream instanceof RelayedStream && this.#up.isDialled)
      this.#toUpstream.addAside(resetFrame(id, code), !this.#client.insideFrame);
    this.#remember(id);
    this.#finish(id, stream);
    this.#giveUp(stream);
  }

  clientReset(id: number, stream: Http2Stream, code: number): void {
    if (!stream.responseDone && !(stream instanceof RelayedStream && stream.responseDone))
      stream.call.fail("failed", "DC", `the client reset the stream with code ${code}`);
    if (stream instanceof LocalStream) this.#remember(id);
    this.#finish(id, stream);
    this.#giveUp(stream);
  }

  wasLocal(id: number): boolean {
    return this.#remembered.has(id);
  }

  clientSettings(bytes: Buffer, from: number, to: number): Verdict {
    const before = this.#clientSettings.windowBytes;
    const flaw = this.#clientSettings.take(bytes, from, to);
    if (flaw) {
      this.refuse(flaw.code, flaw.reason);
      return "take";
    }
    const change = this.#clientSettings.windowBytes - before; // RFC 9113 §6.9.2
    for (const stream of this.streams.values()) {
      if (!(stream instanceof LocalStream)) continue;
      stream.out.windowBytes += change;
      if (stream.out.windowBytes > maxWindowBytes)
        this.refuse(errorCodes.flowControl, "SETTINGS make a window larger than 2^31-1");
    }
    const ack = { from: "client", bytes: this.#clientSettings.tableBytes } as const;
    if (this.#up.isDialled) {
      this.#acksFromUpstream.push(ack);
      this.#queue.pump();
      return "pass";
    }
    this.#sendSettingsAck(ack.bytes);
    this.#queue.pump();
    return "take";
  }

  /** Nobody is there yet who could acknowledge them; whoever comes gets them first of all. */
  #sendSettingsAck(tableBytes: number): void {
    this.#applyTable(tableBytes);
    this.#ackDue = !this.#settingsSent;
    if (this.#settingsSent) this.#aside(settingsAck);
  }

  /** Our ACK waits, because SETTINGS come first (RFC 9113 §3.4). */
  #ackDue = false;

  #applyTable(bytes: number): void {
    if (bytes < this.#tableBytes)
      this.#tableDue = this.#tableDue < 0 ? bytes : Math.min(bytes, this.#tableDue);
    this.#tableBytes = bytes;
    this.#up.decoder.allowTable(bytes);
  }

  #tableBytes = 4_096;

  clientSettingsAck(): Verdict {
    const answered = this.#acksFromClient.shift();
    if (answered?.from !== "upstream") return "take";
    this.#client.decoder.allowTable(answered.bytes);
    return "pass";
  }

  upstreamSettingsAck(): Verdict {
    const answered = this.#acksFromUpstream.shift();
    if (answered?.from !== "client") return "take";
    this.#applyTable(answered.bytes);
    return "pass";
  }

  upstreamSettings(bytes: Buffer, from: number, to: number): Verdict {
    const before = this.#serverSettings.windowBytes;
    const flaw = this.#serverSettings.take(bytes, from, to);
    if (flaw) {
      this.upstreamBroke(flaw.reason);
      return "take";
    }
    this.#encoder.allowTable(this.#serverSettings.tableBytes);
    const change = this.#serverSettings.windowBytes - before;
    if (change > 0)
      for (const stream of this.streams.values())
        if (stream instanceof LocalStream) stream.windowBytes += change;
    this.#acksFromClient.push({ from: "upstream", bytes: this.#serverSettings.tableBytes });
    if (!this.#settingsSent && this.#ackDue) queueMicrotask(() => this.#sendLateAck());
    this.#settingsSent = true;
    return "pass";
  }

  #sendLateAck(): void {
    if (!this.#ackDue) return;
    this.#ackDue = false;
    this.#aside(settingsAck);
  }

  /** Empty ones mean the defaults, which hold until the upstream's come anyway. */
  #sendSettings(): void {
    if (this.#settingsSent) return;
    this.#settingsSent = true;
    this.#acksFromClient.push({ from: "us", bytes: 0 });
    this.#aside(settingsFrame([]));
    this.#sendLateAck();
  }

  ping(isAck: boolean, payload: Buffer): Verdict {
    if (this.#up.isDialled && (isAck || this.#up.isOpen)) return "pass";
    if (isAck) return "take";
    this.#sendSettings();
    this.#aside(frame(frameTypes.ping, flags.ack, 0, payload));
    return "take";
  }

  connectionWindow(bytes: number): Verdict {
    this.#window += bytes;
    if (this.#window > maxWindowBytes) {
      this.refuse(errorCodes.flowControl, "a connection window larger than 2^31-1");
      return "take";
    }
    this.#up.release();
    this.#passWindow(this.#queue.isWaiting ? Math.ceil(bytes / 2) : bytes);
    this.#queue.pump();
    return "take";
  }

  /** Passes on what the client granted beyond what the upstream knows of, at most `bytes`; replies of ours get the rest. */
  #passWindow(bytes: number): void {
    if (!this.#up.isDialled) return;
    const unknown = this.#window - this.#up.windowBytes - this.#up.held.windowBytes;
    const granted = Math.min(unknown, this.#queue.isWaiting ? bytes : unknown);
    if (granted <= 0) return;
    this.#up.windowBytes += granted;
    this.#toUpstream.addAside(windowUpdateFrame(0, granted), !this.#client.insideFrame);
    if (!this.#feeding) this.#flushSoon();
  }

  streamWindow(stream: LocalStream, bytes: number): void {
    stream.out.windowBytes += bytes;
    if (stream.out.windowBytes > maxWindowBytes)
      return this.resetStream(stream.id, errorCodes.flowControl, "a window larger than 2^31-1");
    this.#queue.pump();
  }

  upstreamGoAway(lastStream: number, code: number, detail: Buffer): void {
    if (lastStream < maxWindowBytes) this.#refusesRelay = true;
    for (const [id, stream] of [...this.streams]) {
      if (!(stream instanceof RelayedStream) || id <= lastStream || (id & 1) === 0) continue;
      stream.call.fail("failed", "UC", "the upstream is going away");
      // Had the client only our GOAWAY to go by, it could not know that this one was never looked at.
      this.#aside(resetFrame(id, errorCodes.refusedStream));
      this.#remember(id);
      this.#finish(id, stream);
    }
    if (lastStream < maxWindowBytes) this.#goAwaySent = true;
    this.#aside(goAwayFrame(Math.max(lastStream, this.#lastLocal), code, detail.toString("latin1")));
  }

  refuse(code: number, reason: string, flag: Flag = "DPE"): void {
    if (this.#closing || this.#gone) return;
    if (this.streams.size === 0) {
      const head = new Http2Head([], 0);
      const call = new Http2Call(this.#connection, head, this.#traffic, this.#traffic.clock.now());
      call.fail(flag === "DPE" ? "refused" : "failed", flag, reason);
      call.finish(this.#traffic);
    }
    for (const stream of this.streams.values())
      stream.call.fail(flag === "DPE" ? "refused" : "failed", flag, reason);
    if (!this.#settingsSent) this.#sendSettings();
    this.#sayGoAway(this.#client.lastStream, code, reason);
    this.#client.stop();
    this.#close(true);
  }

  // ── calls that are answered here ─────────────────────────────────────────────────────────────────────────────────

  #local(id: number, endStream: boolean, verdict: Claim | Undecided, head: Http2Head, call: Http2Call): void {
    this.#sendSettings();
    if (verdict.kind === "claim" && this.#answerFixed(id, endStream, verdict, head, call)) return;
    const stream = this.#openLocal(id, endStream, head, call);
    if (verdict.kind === "claim") this.#serve(stream, verdict);
    else peekBody(stream, verdict, this.#traffic, (claim) => this.#serve(stream, claim));
  }

  #openLocal(id: number, endStream: boolean, head: Http2Head, call: Http2Call): LocalStream {
    this.#sendSettings();
    const windows = { send: this.#clientSettings.windowBytes, receive: this.#serverSettings.windowBytes };
    const stream = new LocalStream(id, call, head, windows, {
      credit: (given, bytes) => {
        given.countedBytes = 0;
        this.#aside(windowUpdateFrame(given.id, bytes));
        if (!this.#feeding) this.#updateFlow();
      },
    });
    this.streams.set(id, stream);
    this.#lastLocal = Math.max(this.#lastLocal, id);
    if (endStream) {
      stream.requestDone = true;
      stream.bodyBytes = 0;
      stream.pipe.end([]);
    }
    return stream;
  }

  /** The hot path of mocks: a reply that never varies. */
  #answerFixed(id: number, endStream: boolean, claim: Claim, head: Http2Head, call: Http2Call): boolean {
    const { terminal, effects, spec } = claim.rule;
    if (terminal.kind === "relay" || !terminal.fixed || effects.length > 0) return false;
    const { fixed } = terminal;
    const body = head.method === "HEAD" ? noBytes : fixed.body;
    if (body.length > Math.min(this.room, this.#clientSettings.windowBytes, this.frameBytes)) return false;
    call.rule = spec.name;
    call.outcome = terminal.kind === "mock" ? "mocked" : "aborted";
    if (terminal.kind === "abort") call.flag("FI");
    call.status = fixed.status;
    call.upstream = null;
    const block = this.#fixed.encode(fixed, call.startedAtMs);
    call.responseBytes = block.length + body.length;
    const due = this.#takeTableDue();
    const isEmpty = body.length === 0;
    this.#aside(
      headerFrames(id, isEmpty ? flags.endStream : 0, due.length === 0 ? block : Buffer.concat([due, block])),
    );
    if (!isEmpty) this.send(frame(frameTypes.data, flags.endStream, id, body), body.length);
    claim.release();
    if (endStream) {
      this.#lastLocal = Math.max(this.#lastLocal, id);
      this.#remember(id);
      call.finish(this.#traffic);
      return true;
    }
    const stream = this.#openLocal(id, false, head, call);
    stream.discards = true;
    stream.responseDone = true;
    return true;
  }

  #serve(stream: LocalStream, claim: Claim | null): void {
    const served = serveRich(stream, claim, {
      connection: this.#connection,
      traffic: this.#traffic,
      link: () => this.#richLink(),
      fields: (given, fields, endStream) => this.#sendFields(given, fields, endStream),
      write: (given, bytes) => this.#queue.send(given.out, bytes),
      end: (given) => {
        if (!this.#isOpen(given)) return;
        this.#queue.end(given.out);
        this.#endReply(given);
      },
      reset: (given, code) => {
        if (this.#isOpen(given)) this.#resetBoth(given.id, given, code);
        this.#flushSoon();
      },
    });
    void served.then(() => {
      stream.discards = true;
      if (this.#isOpen(stream)) stream.settle(true);
      this.#passWindow(Number.POSITIVE_INFINITY);
    });
  }

  #richLink(): RichLink {
    const upstream = this.#connection.originalDestination;
    if (!upstream) throw new UnderstudyError("connect_failed", "the connection names no destination");
    if (!this.#rich?.isUsable)
      this.#rich = new RichLink(this.#traffic, upstream, this.#connection.dial ?? this.#traffic.dial);
    return this.#rich;
  }

  #isOpen(stream: LocalStream): boolean {
    return this.streams.get(stream.id) === stream && !stream.responseDone;
  }

  #sendFields(stream: LocalStream, fields: HeaderList, endStream: boolean): void {
    if (!this.#isOpen(stream)) return;
    const block = encodeLiterals(fields);
    const due = this.#takeTableDue();
    stream.call.responseBytes += block.length;
    const whole = due.length === 0 ? block : Buffer.concat([due, block]);
    this.#aside(headerFrames(stream.id, endStream ? flags.endStream : 0, whole));
    if (endStream) this.#endReply(stream);
  }

  /** The table size that the client's decoder waits to hear about. */
  #takeTableDue(): Buffer {
    if (this.#tableDue < 0) return noBytes;
    const bytes = this.#tableDue;
    this.#tableDue = -1;
    return encodeLiterals([], bytes);
  }

  #endReply(stream: LocalStream): void {
    stream.responseDone = true;
    stream.call.finish(this.#traffic);
    stream.discards = true;
    this.#closeIfDone(stream.id, stream);
  }

  // ── UpstreamEvents ───────────────────────────────────────────────────────────────────────────────────────────────

  get holdsNothing(): boolean {
    this.#toClient.flush();
    return !this.#borrowed.held;
  }

  get waitsForBorder(): boolean {
    return this.#toClient.waits;
  }

  border(): void {
    this.#toClient.border();
  }

  get clientFrameBytes(): number {
    return this.#clientSettings.frameBytes;
  }

  /** What the client takes now. */
  get window(): number {
    return this.#window;
  }

  spendWindow(bytes: number): void {
    this.#window -= bytes;
  }

  toClient(bytes: Buffer): void {
    this.#toClient.add(bytes);
  }

  responseData(id: number, bytes: number): void {
    const stream = this.streams.get(id);
    if (stream) stream.call.responseBytes += bytes;
  }

  responseBlock(id: number, block: HeaderBlock): void {
    this.#tableDue = -1; // RFC 7541 §4.2: this block says it where it was due
    const stream = this.streams.get(id);
    if (!(stream instanceof RelayedStream)) return;
    stream.call.responseBytes += block.listBytes;
    const first = block.fields[0]?.field;
    if (stream.responded || first?.name !== ":status") return;
    const status = Number(first.value);
    stream.responded = status >= 200;
    if (stream.responded) stream.call.status = status;
  }

  responseEnded(id: number): void {
    const stream = this.streams.get(id);
    if (!(stream instanceof RelayedStream)) return;
    stream.responseDone = true;
    this.#closeIfDone(id, stream);
  }

  upstreamReset(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (!(stream instanceof RelayedStream)) return;
    if (!stream.responseDone) {
      stream.call.flag("UC");
      stream.call.remark(`the upstream reset the stream with code ${code}`);
      if (!stream.responded) stream.call.outcome = "failed";
    }
    this.#finish(id, stream);
  }

  uploadWindow(bytes: number): void {
    this.#uploadWindow += bytes;
  }

  upstreamDrained(): void {
    this.#upstreamFull = false;
    this.#updateFlow();
  }

  upstreamEnded(): void {
    this.#upstreamGone = true;
    this.#closeWhenDone();
  }

  /** The pinned link is gone. One that was never open may be dialled again by a later call. */
  upstreamClosed(how: LinkEnd, detail: string): void {
    if (this.#gone || this.#closing) return;
    const neverOpen = how === "refused" || how === "timeout";
    this.#upstreamGone = !neverOpen;
    this.#upstreamFull = false;
    const flag = how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC";
    const text = detail === "" ? "the upstream ended the connection" : detail;
    const relayed = [...this.streams].filter(([, stream]) => stream instanceof RelayedStream);
    const isAlone = relayed.length === this.streams.size && this.#lastLocal === 0;
    // Nothing but this upstream has spoken here: its end is the connection's end, as it came.
    if (
      isAlone &&
      this.#connection.mode === "transparent" &&
      how !== "closed" &&
      (relayed.length > 0 || !neverOpen)
    ) {
      this.#connection.socket.resetAndDestroy(); // first: the end of the last stream would end it by FIN
      this.#failRelayed(flag, text, null);
      return;
    }
    this.#sendSettings();
    this.#failRelayed(flag, text, neverOpen ? (how === "timeout" ? 504 : 502) : null);
    if (this.#up.insideFrame) this.#connection.socket.destroy();
    else this.#closeWhenDone();
    this.#flush();
  }

  #failRelayed(flag: Flag, detail: string, status: number | null): void {
    for (const [id, stream] of [...this.streams]) {
      if (!(stream instanceof RelayedStream)) continue;
      stream.call.fail("failed", flag, detail);
      const speaks = status !== null && this.#connection.mode !== "transparent";
      if (speaks) {
        stream.call.status = status;
        const { headers } = failureReply(status, detail);
        const fields = replyFields(status, [...headers, ["understudy-error", printable(detail)]], null, null);
        this.#aside(headerFrames(id, flags.endStream, encodeLiterals(fields)));
      }
      if (!speaks || !stream.requestDone) {
        const code = speaks
          ? errorCodes.none
          : status !== null
            ? errorCodes.refusedStream
            : errorCodes.internal;
        this.#aside(resetFrame(id, code));
      }
      this.#remember(id);
      this.#finish(id, stream);
    }
  }

  upstreamBroke(detail: string): void {
    const text = `the upstream broke HTTP/2: ${detail}`;
    this.refuse(errorCodes.internal, text, "UPE");
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #remember(id: number): void {
    this.#remembered.add(id);
    if (this.#remembered.size <= maxRemembered) return;
    for (const oldest of this.#remembered) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  #closeIfDone(id: number, stream: Http2Stream): void {
    if (!stream.requestDone || !stream.responseDone) return;
    if (stream instanceof LocalStream) this.#remember(id);
    this.#finish(id, stream);
  }

  #finish(id: number, stream: Http2Stream): void {
    this.streams.delete(id);
    stream.call.finish(this.#traffic);
    if (this.streams.size > 0) return;
    this.#setDeadline(this.#traffic.clock.now());
    this.#closeWhenDone();
  }

  #sayGoAway(lastStream: number, code: number, detail: string): void {
    if (this.#goAwaySent && code === errorCodes.none) return;
    this.#sendSettings();
    this.#goAwaySent = true;
    this.#aside(goAwayFrame(lastStream, code, detail));
    if (!this.#feeding) this.#flushSoon();
  }

  /** After GOAWAY, or when a side has ended: the connection lasts as long as its streams. */
  #closeWhenDone(): void {
    const ending = this.#clientEnded || this.#upstreamGone || (this.#goAwaySent && !this.#refusesRelay);
    if (!ending || this.#closing || this.#gone) return;
    const relayedLeft = this.#up.isDialled && !this.#upstreamGone;
    if (this.streams.size > 0 && (this.#hasLocal() || relayedLeft)) return;
    if (!this.#up.held.isEmpty) return;
    if (this.#clientEnded && relayedLeft) return; // it hears our FIN, and ends
    this.#close(false);
  }

  #hasLocal(): boolean {
    for (const stream of this.streams.values()) if (stream instanceof LocalStream) return true;
    return false;
  }

  /** FIN, then patience while the client reads. `reset`: the upstream is cut, too. */
  #close(reset: boolean): void {
    if (this.#closing || this.#gone) return;
    this.#flush();
    this.#closing = true;
    for (const [id, stream] of [...this.streams]) {
      this.streams.delete(id);
      stream.call.fail("failed", "UC", "the upstream ended the connection");
      stream.call.finish(this.#traffic);
      this.#giveUp(stream);
    }
    this.deadlineAt = this.#traffic.clock.now() + lingerMs;
    this.#up.drop(reset);
    this.#rich?.destroy();
    const { socket } = this.#connection;
    socket.end();
    if (socket.isPaused()) socket.resume();
  }
}

function pairOf(field: Field): readonly [string, string] {
  return [field.name, field.value];
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
