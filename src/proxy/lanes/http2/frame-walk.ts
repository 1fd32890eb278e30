// Walks over the bytes of one direction, frame by frame. What nobody takes out goes on as the bytes that came, in runs as
// long as possible. Frames are whole when they are shown, but for DATA, which passes in pieces.

import { Carry } from "../http1/carry.ts";
import { flags, frameHeadBytes, frameTypes, readUint32 } from "./frames.ts";

/** The walk's own, filled anew with every frame: whoever needs it when the next one begins copies it. */
export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Of the payload. */
  readonly length: number;
  /** Of DATA: octets of the payload that are not content, the one that says how many included (RFC 9113 §6.1). */
  readonly padding: number;
}

/** Whom a walk shows its frames. */
export interface FrameReader {
  /** Before the payload is there: false stops the walk for good. */
  admits(head: FrameHead): boolean;
  /** DATA begins: "pass" lets it go on as it is, "take" gives its payload to `payload`. */
  dataBegins(head: FrameHead): "pass" | "take";
  payload(bytes: Buffer): void;
  /** The last byte of a DATA frame is there. */
  dataEnds(): void;
  /** Any other frame, whole; its payload is bytes[from..to). "pass" lets it go on as it is. */
  frame(head: FrameHead, bytes: Buffer, from: number, to: number): "pass" | "take";
  /** bytes[from..to) goes on. */
  forward(bytes: Buffer, from: number, to: number): void;
}

export class FrameWalk {
  readonly #reader: FrameReader;
  readonly #carry = new Carry();
  readonly #head = { type: 0, flags: 0, stream: 0, length: 0, padding: 0 };
  #stopped = false;
  /** Payload of the DATA frame at hand that has not come yet. */
  #dataLeft = 0;
  #taking = false;
  // The chunk at hand: bytes from #from on have neither been forwarded nor taken; the frame at hand begins at #frame.
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #frame = 0;

  constructor(reader: FrameReader) {
    this.#reader = reader;
  }

  /** True where the next byte forwarded belongs to a frame that has begun: no other may be put between. */
  get insideFrame(): boolean {
    return this.#dataLeft > 0 && !this.#taking;
  }

  /** True where bytes of an incomplete frame are kept. */
  get isWaiting(): boolean {
    return !this.#carry.isEmpty;
  }

  stop(): void {
    this.#stopped = true;
  }

  feed(chunk: Buffer): void {
    if (this.#stopped) return;
    const bytes = this.#carry.join(chunk);
    this.#bytes = bytes;
    this.#from = 0;
    let at = 0;
    while (!this.#stopped && at < bytes.length) {
      const next = this.#dataLeft > 0 ? this.#data(at) : this.#next(at);
      if (next === at) break;
      at = next;
    }
    if (this.#stopped) return;
    this.#forwardTo(at);
    if (at < bytes.length) this.#carry.keep(bytes, at);
  }

  /** Sends on what stands before the frame at hand, so that what is written now comes between. */
  cut(): void {
    this.#forwardTo(this.#frame);
  }

  /** The DATA frame at hand was taken; what is still to come of it goes on as it comes. Between two chunks. */
  passRest(): void {
    this.#taking = false;
  }

  #forwardTo(at: number): void {
    if (at > this.#from) this.#reader.forward(this.#bytes, this.#from, at);
    this.#from = at;
  }

  #data(at: number): number {
    const to = Math.min(this.#bytes.length, at + this.#dataLeft);
    this.#dataLeft -= to - at;
    if (this.#taking) {
      this.#reader.payload(this.#bytes.subarray(at, to));
      this.#from = to;
    }
    if (this.#dataLeft === 0) this.#reader.dataEnds();
    return to;
  }

  /** Where the next frame begins; `at` where this one is incomplete. */
  #next(at: number): number {
    const bytes = this.#bytes;
    const payload = at + frameHeadBytes;
    if (payload > bytes.length) return at;
    const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const type = bytes[at + 3] ?? 0;
    const bits = bytes[at + 4] ?? 0;
    const isData = type === frameTypes.data;
    const isPadded = isData && (bits & flags.padded) !== 0 && length > 0;
    if (isPadded && payload === bytes.length) return at; // how much of it is content must be known before it goes on
    const head = this.#head;
    head.type = type;
    head.flags = bits;
    head.stream = readUint32(bytes, at + 5) & 0x7fff_ffff;
    head.length = length;
    head.padding = isPadded ? 1 + (bytes[payload] ?? 0) : 0;
    this.#frame = at;
    const to = payload + length;
    if (!this.#reader.admits(head)) {
      this.#stopped = true;
      return at;
    }
    if (!isData && to > bytes.length) return at;
    const verdict = isData ? this.#reader.dataBegins(head) : this.#reader.frame(head, bytes, payload, to);
    if (this.#stopped) return at;
    if (verdict === "take") {
      this.cut();
      this.#from = isData ? payload : to;
    }
    if (!isData) return to;
    this.#taking = verdict === "take";
    this.#dataLeft = length;
    if (length === 0) this.#reader.dataEnds();
    return payload;
  }
}
