// DATA of the pinned link: counted against what the upstream believes that it may send, passed on as it came, or held back until
// the client's window opens.

import type { FramePort } from "./frame-port.ts";
import type { FrameHead } from "./frame-walk.ts";
import { defaultWindowBytes, errorCodes, flags, frameHeadBytes, writeFrameHead } from "./frames.ts";
import { HeldFrames } from "./held-frames.ts";
import type { UpstreamEvents } from "./upstream-events.ts";

export class ResponseData {
  readonly held = new HeldFrames();
  /** What the upstream believes that it may send. */
  windowBytes = defaultWindowBytes;
  readonly #events: UpstreamEvents;
  readonly #port: FramePort;
  #head: FrameHead | null = null;
  /** The frame at hand waits for the client's window. */
  #holding = false;

  constructor(events: UpstreamEvents, port: FramePort) {
    this.#events = events;
    this.#port = port;
  }

  begins(head: FrameHead): "pass" | "take" {
    const { stream, length, padding } = head;
    this.windowBytes -= length;
    if (this.windowBytes < 0)
      return this.#port.wrong(errorCodes.flowControl, "more DATA than the connection's window");
    if (padding > length || (length === 0 && (head.flags & flags.padded) !== 0))
      return this.#port.wrong(errorCodes.protocol, "padding larger than its frame");
    const objection = this.#events.responseData(head);
    if (objection !== null) {
      this.#port.keepBack(stream, objection, "DATA");
      this.#events.returnWindow(length);
      return "take";
    }
    this.#head = head;
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

  ends(): void {
    const head = this.#head;
    if (this.#holding) this.held.complete();
    this.#holding = false;
    this.#head = null;
    if (head && (head.flags & flags.endStream) !== 0) this.#events.responseEnded(head.stream);
  }

  /** Sends on what waited, as far as the client's window reaches. */
  release(): void {
    const { held } = this;
    const events = this.#events;
    for (let next = held.take(events.window); next; next = held.take(events.window)) {
      events.spendWindow(next.windowBytes);
      events.toClient(next.bytes);
      events.heldPassed(next.bytes[3] ?? 0, next.bytes[4] ?? 0); // RFC 9113 §4.1: type and flags
      if (next.complete) continue;
      this.#holding = false;
      this.#port.passRest();
    }
  }
}
