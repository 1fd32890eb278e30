// What the upstream sends on the pinned link, frame by frame: the checks that belong to each type (RFC 9113 §6). Nearly
// everything passes as the bytes that came. Header blocks and DATA have parts of their own.
//
//   SETTINGS ──► HEADERS, PUSH_PROMISE, CONTINUATION ─► ResponseBlocks
//                DATA ────────────────────────────────► ResponseData ─┬─► the client
//                all others ──────────────────────────► here          └─► held back

import type { Limits } from "../../../core/settings.ts";
import { flawOfFrame } from "./frame-flaw.ts";
import type { FramePort } from "./frame-port.ts";
import { type FrameHead, type FrameReader, FrameWalk } from "./frame-walk.ts";
import { errorCodes, flags, frameHeadBytes, frameTypes, maxWindowBytes, readUint32 } from "./frames.ts";
import { maxHeldBytes } from "./held-frames.ts";
import { ResponseBlocks } from "./response-blocks.ts";
import { ResponseData } from "./response-data.ts";
import type { Objection, UpstreamEvents } from "./upstream-events.ts";

type Verdict = "pass" | "take";

export class UpstreamFrames implements FrameReader, FramePort {
  readonly data: ResponseData;
  /** The upstream has sent its SETTINGS. */
  isOpen = false;
  readonly #events: UpstreamEvents;
  readonly #blocks: ResponseBlocks;
  #walk = new FrameWalk(this);

  constructor(events: UpstreamEvents, limits: Limits) {
    this.#events = events;
    this.#blocks = new ResponseBlocks(events, limits, this);
    this.data = new ResponseData(events, this);
  }

  /** What is put in towards the client now would stand inside a frame of the upstream. */
  get insideFrame(): boolean {
    return this.#walk.insideFrame;
  }

  /** Begins again on a new link. */
  restart(): void {
    this.#walk = new FrameWalk(this);
    this.isOpen = false;
  }

  feed(chunk: Buffer): void {
    this.#walk.feed(chunk);
  }

  stop(): void {
    this.#walk.stop();
  }

  /** What the client's SETTINGS allow, from the upstream's ACK on. */
  allowTable(bytes: number): void {
    this.#blocks.allowTable(bytes);
  }

  forward(bytes: Buffer, from: number, to: number): void {
    this.#events.pass(bytes, from, to);
  }

  admits(head: FrameHead): boolean {
    // A bulk response whose chunks all end inside a frame must not keep replies of ours waiting.
    if (this.#events.waitsForBorder) {
      this.#walk.cut();
      this.#events.border();
    }
    const { type, length } = head;
    if (length > this.#events.clientFrameBytes)
      return this.#broke(errorCodes.frameSize, `a frame of ${length} bytes`);
    if (!this.isOpen && (type !== frameTypes.settings || (head.flags & flags.ack) !== 0))
      return this.#broke(errorCodes.protocol, "its first frame is not SETTINGS");
    this.isOpen = true;
    if (this.#blocks.breaksOff(head))
      return this.#broke(errorCodes.protocol, "header blocks and CONTINUATION do not follow each other");
    if (type !== frameTypes.data && length > maxHeldBytes)
      return this.#broke(errorCodes.enhanceYourCalm, `a frame of type ${type} with ${length} bytes`);
    return true;
  }

  dataBegins(head: FrameHead): Verdict {
    return this.data.begins(head);
  }

  payload(bytes: Buffer): void {
    this.data.payload(bytes);
  }

  dataEnds(): void {
    this.data.ends();
  }

  frame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    const verdict = this.#frame(head, bytes, from, to);
    if (verdict === "take" || this.data.held.isEmpty) return verdict;
    // PING and credit may overtake; everything that belongs to streams, or to the header tables, keeps its order.
    if (head.type === frameTypes.ping || head.type === frameTypes.windowUpdate) return "pass";
    this.data.held.add(0, bytes.subarray(from - frameHeadBytes, to), true);
    return "take";
  }

  #frame(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if (head.type === frameTypes.headers) return this.#blocks.begins(head, bytes, from, to);
    const flaw = flawOfFrame(head);
    if (flaw) return this.wrong(flaw.code, flaw.reason);
    switch (head.type) {
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
      case frameTypes.goAway:
        return this.#goAway(bytes, from, to);
      default: // PING and PRIORITY, and what nobody knows: it is not ours to drop (RFC 9113 §4.1)
        return "pass";
    }
  }

  #reset(head: FrameHead, bytes: Buffer, from: number): Verdict {
    const objection = head.stream === 0 ? "idle" : this.#events.objectionTo(head.stream);
    if (objection !== null) {
      this.keepBack(head.stream, objection, "RST_STREAM");
      return "take";
    }
    this.#events.upstreamReset(head.stream, readUint32(bytes, from));
    return "pass";
  }

  #settings(head: FrameHead, bytes: Buffer, from: number, to: number): Verdict {
    if ((head.flags & flags.ack) !== 0) return this.#events.upstreamSettingsAck();
    const verdict = this.#events.upstreamSettings(bytes, from, to);
    if (typeof verdict === "string") return verdict;
    this.send(verdict);
    return "take";
  }

  #windowUpdate({ stream }: FrameHead, bytes: Buffer, from: number): Verdict {
    const increment = readUint32(bytes, from) & maxWindowBytes;
    if (stream === 0) {
      if (increment === 0) return this.wrong(errorCodes.protocol, "WINDOW_UPDATE of 0");
      return this.#events.uploadWindow(increment)
        ? "pass"
        : this.wrong(errorCodes.flowControl, "a connection window larger than 2^31-1");
    }
    const objection =
      this.#events.objectionTo(stream) ?? (increment === 0 ? { flaw: "WINDOW_UPDATE of 0" } : null);
    if (objection === null) return "pass";
    this.keepBack(stream, objection, "WINDOW_UPDATE");
    return "take";
  }

  #goAway(bytes: Buffer, from: number, to: number): Verdict {
    this.#walk.cut();
    this.#events.upstreamGoAway(
      readUint32(bytes, from) & maxWindowBytes,
      readUint32(bytes, from + 4),
      bytes.subarray(from + 8, to),
    );
    return "take";
  }

  // ── what does not pass ───────────────────────────────────────────────────────────────────────────────────────────

  keepBack(stream: number, objection: Objection, what: string): void {
    if (objection === "shut") return;
    if (objection === "idle") {
      this.#broke(errorCodes.protocol, `${what} on stream ${stream}, which is not open`);
      return;
    }
    this.#walk.cut();
    this.#events.refuseResponse(stream, objection.flaw);
  }

  wrong(code: number, detail: string): "take" {
    this.#broke(code, detail);
    return "take";
  }

  /** Always false. */
  #broke(code: number, detail: string): false {
    this.#walk.cut(); // what came before it goes on, so that GOAWAY can follow
    this.#walk.stop();
    this.#events.upstreamBroke(code, detail);
    return false;
  }

  passRest(): void {
    this.#walk.passRest();
  }

  send(bytes: Buffer): void {
    this.#walk.cut();
    if (this.data.held.isEmpty) this.#events.toClient(bytes);
    else this.data.held.add(0, bytes, true);
  }
}
