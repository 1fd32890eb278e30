// The pinned link and what the upstream sends on it, frame by frame. Nearly everything passes as the bytes that came;
// header blocks are decoded beside that, for their status and because decoding has a memory. It is long because it is one
// table: each type of frame with the checks that belong to it (RFC 9113 §6).
//
//   none ──a stream is relayed, or the client waits for SETTINGS──► dialled ──SETTINGS──► open ──FIN, RST──► gone

import type { HostPort } from "../../../core/address.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { Farewell } from "./farewell.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import {
  defaultWindowBytes,
  errorCodes,
  flags,
  frameHeadBytes,
  frameTypes,
  maxWindowBytes,
  preface,
  readUint32,
  settingsFrame,
  windowUpdateFrame,
  writeFrameHead,
} from "./frames.ts";
import { HeldFrames } from "./held-frames.ts";
import { ResponseBlocks } from "./response-blocks.ts";
import type { Objection, UpstreamEvents } from "./upstream-events.ts";

type Verdict = "pass" | "take";

/** What waits at most before the link is paused. */
const maxHeldBytes = 262_144;

export class UpstreamHalf implements LinkEvents, FrameReader {
  readonly held = new HeldFrames();
  /** What the upstream believes that it may send. */
  windowBytes = defaultWindowBytes;
  /** The upstream has sent its SETTINGS. */
  isOpen = false;
  readonly #events: UpstreamEvents;
  readonly #dial: Dial;
  #walk = new FrameWalk(this);
  #link: Link | null = null;
  #paused = false;
  #dataHead: FrameHead | null = null;
  /** The DATA frame at hand waits for the client's window. */
  #holding = false;
  readonly #blocks: ResponseBlocks;
  #feeding = false;
  /** Set once the upstream has been told off; the link is its own. */
  #farewell: Farewell | null = null;
  readonly #traffic: Traffic;

  constructor(events: UpstreamEvents, traffic: Traffic, dial: Dial) {
    this.#events = events;
    this.#traffic = traffic;
    this.#dial = dial;
    this.#blocks = new ResponseBlocks(events, traffic.settings.limits, {
      send: (bytes) => this.#send(bytes),
      keepBack: (stream, objection) => this.#keepBack(stream, objection, "a header block"),
      wrong: (code, detail) => this.#wrong(code, detail),
    });
  }

  get isDialled(): boolean {
    return this.#link !== null;
  }

  /** What is put in towards the client now would stand inside a frame of the upstream. */
  get insideFrame(): boolean {
    return this.#walk.insideFrame;
  }

  /** Bytes are being read: some may have passed that are not written yet. */
  get feeding(): boolean {
    return this.#feeding;
  }

  /** What the client's SETTINGS allow, from the upstream's ACK on. */
  allowTable(bytes: number): void {
    this.#blocks.allowTable(bytes);
  }

  /** `said`: SETTINGS of the client so far; `windowBytes`: what the client lets the connection send. */
  connect(upstream: HostPort, said: Iterable<readonly [number, number]>, windowBytes: number): void {
    if (this.#link) return;
    this.#walk = new FrameWalk(this);
    this.isOpen = false;
    const link = this.#dial(upstream, this);
    this.#link = link;
    this.windowBytes = Math.max(windowBytes, defaultWindowBytes);
    const parts = [preface, settingsFrame(said)];
    if (windowBytes > defaultWindowBytes) parts.push(windowUpdateFrame(0, windowBytes - defaultWindowBytes));
    link.write(Buffer.concat(parts));
  }

  /** Takes over a link on which the upstream has agreed to HTTP/2; the client's SETTINGS are to follow (RFC 7540 §3.2). */
  adopt(link: Link): void {
    this.#link = link;
    link.write(preface);
  }

  /** False: wait for `upstreamDrained`. */
  send(bytes: Buffer): boolean {
    return this.#link?.write(bytes) ?? true;
  }

  /** What was written has not left, and its memory is still in use. */
  get holdsBytes(): boolean {
    return this.#link?.holdsBytes ?? false;
  }

  endRequests(): void {
    this.#link?.end();
  }

  drop(reset: boolean): void {
    this.#walk.stop();
    this.#link?.destroy(reset);
    this.#link = null;
  }

  /** Nothing more goes there but GOAWAY, which must find no frame of the client half-way through. */
  bidFarewell(code: number, detail: string): void {
    const link = this.#link;
    this.#walk.stop();
    this.#link = null;
    if (link) this.#farewell = new Farewell(link, this.#traffic, code, detail);
  }

  pause(): void {
    this.#link?.pause();
    this.#paused = true;
  }

  resume(): void {
    if (this.held.bytes > maxHeldBytes) return;
    this.#paused = false;
    this.#link?.resume();
  }

  /** The client has taken every byte of the link that was written to it. */
  released(): void {
    if (this.#farewell) this.#farewell.released();
    else this.#link?.released();
  }

  /** Sends on what waited, as far as the client's window reaches. */
  release(): void {
    if (this.held.isEmpty) return;
    for (let next = this.held.take(this.#events.window); next; next = this.held.take(this.#events.window)) {
      this.#events.spendWindow(next.windowBytes);
      this.#events.toClient(next.bytes);
    }
    if (this.#paused && this.#events.holdsNothing) this.resume();
  }

  // ── link events ──────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Buffer): boolean {
    if (this.#farewell) return this.#farewell.data(chunk);
    this.#feeding = true;
    this.#walk.feed(chunk);
    this.#feeding = false;
    if (!this.insideFrame) this.#events.border();
    this.#events.settled();
    if (this.held.bytes > maxHeldBytes) this.pause();
    return this.#events.holdsNothing;
  }

  drain(): void {
    if (!this.#farewell) this.#events.upstreamDrained();
  }

  end(): void {
    if (this.#farewell) this.#farewell.end();
    else this.#events.upstreamEnded();
  }

  close(how: LinkEnd, detail: string): void {
    if (this.#farewell) return this.#farewell.close();
    this.#link = null;
    this.#events.upstreamClosed(how, detail);
  }

  // ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────

  forward(bytes: Buffer, from: number, to: number): void {
    this.#events.toClient(bytes, from, to);
  }

  admits(head: FrameHead): boolean {
    // A bulk response whose chunks all end inside a frame must not keep replies of ours waiting.
    if (this.#events.waitsForBorder) {
      this.#walk.cut();
      this.#events.border();
    }
    if (head.length > this.#events.clientFrameBytes)
      return this.#broke(errorCodes.frameSize, `a frame of ${head.length} bytes`);
    if (!this.isOpen && (head.type !== frameTypes.settings || (head.flags & flags.ack) !== 0))
      return this.#broke(errorCodes.protocol, "its first frame is not SETTINGS");
    this.isOpen = true;
    if (this.#blocks.breaksOff(head))
      return this.#broke(errorCodes.protocol, "header blocks and CONTINUATION do not follow each other");
    if (head.type !== frameTypes.data && head.length > maxHeldBytes)
      return this.#broke(
        errorCodes.enhanceYourCalm,
        `a frame of type ${head.type} with ${head.length} bytes`,
      );
    return true;
  }

  /** Always false. */
  #broke(code: number, detail: string): false {
    this.#walk.cut(); // what came before it goes on, so that GOAWAY can follow
    this.#walk.stop();
    this.#events.upstreamBroke(code, detail);
    return false;
  }

  #wrong(code: number, detail: string): "take" {
    this.#broke(code, detail);
    return "take";
  }

  // ── DATA ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  dataBegins(head: FrameHead): Verdict {
    const { stream, length, padding } = head;
    this.windowBytes -= length;
    if (this.windowBytes < 0)
      return this.#wrong(errorCodes.flowControl, "more DATA than the connection's window");
    if (padding > length || (length === 0 && (head.flags & flags.padded) !== 0))
      return this.#wrong(errorCodes.protocol, "padding larger than its frame");
    const objection = this.#events.responseData(head);
    if (objection !== null) {
      this.#keepBack(stream, objection, "DATA");
      this.#events.returnWindow(length);
      return "take";
    }
    this.#dataHead = head;
    this.#holding = !this.held.isEmpty || length > this.#events.window;
    if (!this.#holding) {
      this.#events.spendWindow(length);
      return "pass";
    }
    const out = Buffer.allocUnsafe(frameHeadBytes);
    writeFrameHead(out, 0, length, head.type, head.flags, stream);
    this.held.add(length, out, length === 0);
    return "take";
  }

  payload(bytes: Buffer): void {
    if (this.#holding) this.held.append(bytes);
  }

  dataEnds(): void {
    const head = this.#dataHead;
    if (this.#holding) this.held.complete();
    this.#holding = false;
    this.#dataHead = null;
    if (head && (head.flags & flags.endStream) !== 0) this.#events.responseEnded(head.stream);
  }

  #keepBack(stream: number, objection: Objection, what: string): void {
    if (objection === "shut") return;
    if (objection === "idle") {
      this.#broke(errorCodes.protocol, `${what} on stream ${stream}, which is not open`);
      return;
    }
    this.#walk.cut();
    this.#events.refuseResponse(stream, objection.flaw);
  }

  // ── other frames ─────────────────────────────────────────────────────────────────────────────────────────────────

  frame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const verdict = this.#frame(head, bytes, from, to);
    if (verdict === "take" || this.held.isEmpty) return verdict;
    // PING and credit may overtake; everything that belongs to streams, or to the header tables, keeps its order.
    if (head.type === frameTypes.ping || head.type === frameTypes.windowUpdate) return "pass";
    this.held.add(0, bytes.subarray(from - frameHeadBytes, to), true);
    return "take";
  }

  #frame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    switch (head.type) {
      case frameTypes.headers:
      case frameTypes.pushPromise:
        return this.#blocks.begins(head, bytes, from, to);
      case frameTypes.continuation:
        return this.#blocks.goesOn(head, bytes, from, to);
      case frameTypes.reset:
        return this.#reset(head, bytes, from);
      case frameTypes.settings:
        return this.#settings(head, bytes, from, to);
      case frameTypes.windowUpdate:
        return this.#windowUpdate(head, bytes, from);
      case frameTypes.ping:
        if (head.stream !== 0) return this.#wrong(errorCodes.protocol, "PING on a stream");
        return head.length === 8 ? "pass" : this.#wrong(errorCodes.frameSize, "PING of a wrong length");
      case frameTypes.priority:
        if (head.stream === 0) return this.#wrong(errorCodes.protocol, "PRIORITY on the connection");
        return head.length === 5 ? "pass" : this.#wrong(errorCodes.frameSize, "PRIORITY of a wrong length");
      case frameTypes.goAway:
        return this.#goAway(head, bytes, from, to);
      default: // RFC 9113 §4.1: what nobody knows is not ours to drop
        return "pass";
    }
  }

  #reset(head: FrameHead, bytes: Buffer, from: number): Verdict {
    if (head.length !== 4) return this.#wrong(errorCodes.frameSize, "RST_STREAM of a wrong length");
    const objection = head.stream === 0 ? "idle" : this.#events.objectionTo(head.stream);
    if (objection !== null) {
      this.#keepBack(head.stream, objection, "RST_STREAM");
      return "take";
    }
    this.#events.upstreamReset(head.stream, readUint32(bytes, from));
    return "pass";
  }

  #settings(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if (head.stream !== 0) return this.#wrong(errorCodes.protocol, "SETTINGS on a stream");
    if ((head.flags & flags.ack) === 0) {
      const verdict = this.#events.upstreamSettings(bytes, from, to);
      if (typeof verdict === "string") return verdict;
      this.#send(verdict);
      return "take";
    }
    return head.length === 0
      ? this.#events.upstreamSettingsAck()
      : this.#wrong(errorCodes.frameSize, "SETTINGS ACK with a payload");
  }

  #windowUpdate(head: FrameHead, bytes: Buffer, from: number): Verdict {
    const { stream } = head;
    if (head.length !== 4) return this.#wrong(errorCodes.frameSize, "WINDOW_UPDATE of a wrong length");
    const increment = readUint32(bytes, from) & maxWindowBytes;
    if (stream === 0) {
      if (increment === 0) return this.#wrong(errorCodes.protocol, "WINDOW_UPDATE of 0");
      return this.#events.uploadWindow(increment)
        ? "pass"
        : this.#wrong(errorCodes.flowControl, "a connection window larger than 2^31-1");
    }
    const objection =
      this.#events.objectionTo(stream) ?? (increment === 0 ? { flaw: "WINDOW_UPDATE of 0" } : null);
    if (objection === null) return "pass";
    this.#keepBack(stream, objection, "WINDOW_UPDATE");
    return "take";
  }

  #goAway(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if (head.stream !== 0) return this.#wrong(errorCodes.protocol, "GOAWAY on a stream");
    if (head.length < 8) return this.#wrong(errorCodes.frameSize, "GOAWAY of a wrong length");
    this.#walk.cut();
    this.#events.upstreamGoAway(
      readUint32(bytes, from) & maxWindowBytes,
      readUint32(bytes, from + 4),
      bytes.subarray(from + 8, to),
    );
    return "take";
  }

  /** Whole frames, behind everything that has passed. */
  #send(bytes: Buffer): void {
    this.#walk.cut();
    if (this.held.isEmpty) this.#events.toClient(bytes);
    else this.held.add(0, bytes, true);
  }
}
