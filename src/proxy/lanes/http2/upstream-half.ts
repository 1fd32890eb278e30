// The pinned link and what the upstream sends on it, frame by frame. Nearly everything passes as the bytes that came;
// header blocks are decoded beside that, for their status and because decoding has a memory.
//
//   none ──a stream is relayed, or the client waits for SETTINGS──► dialled ──SETTINGS──► open ──FIN, RST──► gone

import type { HostPort } from "../../../core/address.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import {
  defaultWindowBytes,
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
import { HpackDecoder } from "./hpack/decoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";

type Verdict = "pass" | "take";

/** What waits at most before the link is paused. */
const maxHeldBytes = 262_144;

/** What the session makes of what the upstream sends. */
export interface UpstreamEvents {
  /** Octets of DATA that the client takes now. */
  readonly window: number;
  /** The largest frame that the client takes. */
  readonly clientFrameBytes: number;
  spendWindow(bytes: number): void;
  toClient(bytes: Buffer): void;
  /** Nothing of the client's bytes is held any longer. */
  readonly holdsNothing: boolean;
  /** Something of ours waits for a border between frames. */
  readonly waitsForBorder: boolean;
  /** No frame is half-way through to the client. */
  border(): void;
  responseData(id: number, bytes: number): void;
  responseBlock(id: number, block: HeaderBlock): void;
  responseEnded(id: number): void;
  upstreamReset(id: number, code: number): void;
  upstreamSettings(bytes: Buffer, from: number, to: number): Verdict;
  upstreamSettingsAck(): Verdict;
  upstreamGoAway(lastStream: number, code: number, detail: Buffer): void;
  /** The upstream lets the client send more on the connection. */
  uploadWindow(bytes: number): void;
  upstreamDrained(): void;
  upstreamEnded(): void;
  upstreamClosed(how: LinkEnd, detail: string): void;
  /** What came cannot be carried on. */
  upstreamBroke(detail: string): void;
}

export class UpstreamHalf implements LinkEvents, FrameReader {
  readonly decoder: HpackDecoder;
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
  #open: {
    readonly stream: number;
    readonly endStream: boolean;
    readonly parts: Buffer[];
    bytes: number;
  } | null = null;
  #dataHead: FrameHead | null = null;
  #holding = false;

  constructor(events: UpstreamEvents, traffic: Traffic, dial: Dial) {
    this.#events = events;
    this.#dial = dial;
    const { maxHeadBytes, maxHeaders } = traffic.settings.limits;
    // A response is forwarded whatever its size; what is beyond the limits is only not looked at.
    this.decoder = new HpackDecoder({ maxListBytes: maxHeadBytes, maxFields: maxHeaders });
  }

  get isDialled(): boolean {
    return this.#link !== null;
  }

  /** What is put in towards the client now would stand inside a frame or a header block of the upstream. */
  get insideFrame(): boolean {
    return this.#walk.insideFrame || (this.#open !== null && this.held.isEmpty);
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

  /** False: wait for `upstreamDrained`. */
  send(bytes: Buffer): boolean {
    return this.#link?.write(bytes) ?? true;
  }

  endRequests(): void {
    this.#link?.end();
  }

  drop(reset: boolean): void {
    this.#walk.stop();
    this.#link?.destroy(reset);
    this.#link = null;
  }

  pause(): void {
    if (!this.#paused) this.#link?.pause();
    this.#paused = true;
  }

  resume(): void {
    if (this.held.bytes > maxHeldBytes) return;
    this.#paused = false;
    this.#link?.resume();
  }

  /** The client has taken every byte of the link that was written to it. */
  released(): void {
    this.#link?.released();
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
    this.#walk.feed(chunk);
    if (!this.insideFrame) this.#events.border();
    if (this.held.bytes > maxHeldBytes) this.pause();
    return this.#events.holdsNothing;
  }

  drain(): void {
    this.#events.upstreamDrained();
  }

  end(): void {
    this.#events.upstreamEnded();
  }

  close(how: LinkEnd, detail: string): void {
    this.#link = null;
    this.#events.upstreamClosed(how, detail);
  }

  // ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────

  forward(bytes: Buffer): void {
    this.#events.toClient(bytes);
  }

  admits(head: FrameHead): boolean {
    // A bulk response whose chunks all end inside a frame must not keep replies of ours waiting.
    if (this.#events.waitsForBorder && !this.#open) {
      this.#walk.cut();
      this.#events.border();
    }
    if (head.length > this.#events.clientFrameBytes) return this.#broke(`a frame of ${head.length} bytes`);
    if (!this.isOpen && (head.type !== frameTypes.settings || (head.flags & flags.ack) !== 0))
      return this.#broke("its first frame is not SETTINGS");
    this.isOpen = true;
    const continues = head.type === frameTypes.continuation;
    if (this.#open ? !continues || head.stream !== this.#open.stream : continues)
      return this.#broke("header blocks and CONTINUATION do not follow each other");
    if (head.type !== frameTypes.data && head.length > maxHeldBytes)
      return this.#broke(`a frame of type ${head.type} with ${head.length} bytes`);
    return true;
  }

  /** Always false. */
  #broke(detail: string): false {
    this.#walk.cut(); // a frame that has gone half-way is completed, so that GOAWAY can follow it
    this.#walk.stop();
    this.#events.upstreamBroke(detail);
    return false;
  }

  dataBegins(head: FrameHead): Verdict {
    this.#dataHead = head;
    this.windowBytes -= head.length;
    if (this.windowBytes < 0) {
      this.#broke("more DATA than the connection's window");
      return "take";
    }
    this.#events.responseData(head.stream, head.length);
    this.#holding = !this.held.isEmpty || head.length > this.#events.window;
    if (!this.#holding) {
      this.#events.spendWindow(head.length);
      return "pass";
    }
    const out = Buffer.allocUnsafe(frameHeadBytes);
    writeFrameHead(out, 0, head.length, head.type, head.flags, head.stream);
    this.held.add(head.length, out, head.length === 0);
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
        return this.#headers(head, bytes, from, to);
      case frameTypes.continuation:
        return this.#continuation(head, bytes, from, to);
      case frameTypes.reset:
        if (head.length === 4) this.#events.upstreamReset(head.stream, readUint32(bytes, from));
        return "pass";
      case frameTypes.settings:
        if ((head.flags & flags.ack) !== 0) return this.#events.upstreamSettingsAck();
        return this.#events.upstreamSettings(bytes, from, to);
      case frameTypes.windowUpdate:
        if (head.stream === 0 && head.length === 4)
          this.#events.uploadWindow(readUint32(bytes, from) & maxWindowBytes);
        return "pass";
      case frameTypes.goAway:
        if (head.length < 8) return "pass";
        this.#walk.cut();
        this.#events.upstreamGoAway(
          readUint32(bytes, from) & maxWindowBytes,
          readUint32(bytes, from + 4),
          bytes.subarray(from + 8, to),
        );
        return "take";
      default:
        return "pass";
    }
  }

  #headers(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const padded = (head.flags & flags.padded) !== 0;
    const isPush = head.type === frameTypes.pushPromise;
    const skipped = isPush ? 4 : (head.flags & flags.priority) !== 0 ? 5 : 0;
    const blockAt = from + (padded ? 1 : 0) + skipped;
    const blockTo = to - (padded ? (bytes[from] ?? 0) : 0);
    if (blockAt > blockTo) {
      this.#broke("padding larger than its frame");
      return "take";
    }
    const endStream = !isPush && (head.flags & flags.endStream) !== 0;
    const stream = isPush ? 0 : head.stream;
    if ((head.flags & flags.endHeaders) !== 0) return this.#block(stream, endStream, bytes, blockAt, blockTo);
    const part = Buffer.from(bytes.subarray(blockAt, blockTo));
    this.#open = { stream: head.stream, endStream, parts: [part], bytes: part.length };
    return "pass";
  }

  #continuation(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const open = this.#open;
    if (!open) return "pass";
    open.parts.push(Buffer.from(bytes.subarray(from, to)));
    open.bytes += to - from;
    if (open.bytes > maxHeldBytes || open.parts.length > 1_024) {
      this.#broke("a header block without end");
      return "take";
    }
    if ((head.flags & flags.endHeaders) === 0) return "pass";
    this.#open = null;
    const whole = Buffer.concat(open.parts);
    return this.#block(open.stream, open.endStream, whole, 0, whole.length);
  }

  /** `stream` 0: a promised request, whose fields nobody here looks at. */
  #block(stream: number, endStream: boolean, bytes: Buffer, from: number, to: number): Verdict {
    const block = this.decoder.decode(bytes, from, to);
    if ("flaw" in block) {
      this.#broke(block.flaw);
      return "take";
    }
    this.#events.responseBlock(stream, block);
    if (stream !== 0 && endStream) this.#events.responseEnded(stream);
    return "pass";
  }
}
