// One direction of a WebSocket that rules concern: bytes in, frames told apart, the frames' own bytes out. It is long
// because it is the state machine of a direction:
//
//   frame ──no rule for this direction──► through     forwarded while it arrives, only its end is looked for
//     │
//     ├──control──────────────────────► at once       a ping may be swallowed; behind a close frame all is raw
//     └──data──► gathered ──whole──► claimed?  no ──► its own bytes, in one run with its neighbours
//                                        └─────yes──► act: drop, replace, … (what takes time stops the direction)

import type { Payload } from "../../../core/payload.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import { Carry } from "../http1/carry.ts";
import type { ClaimedMessage, FlowRule } from "./claimed-message.ts";
import { closeCodes, mayStandInFrame } from "./close-codes.ts";
import type { CompressedMessages } from "./compression.ts";
import { FrameHeader, opcodes } from "./frame-header.ts";
import { encodeFrame } from "./frame-writer.ts";
import { HeldMessage } from "./held-message.ts";
import { PlainPayload } from "./plain-payload.ts";

export interface FlowOptions {
  readonly way: Way;
  /** Of this direction, in the order in which they are tried. */
  readonly rules: readonly FlowRule[];
  /** Every message is told to `seen`, so that scripts may wait for one. */
  readonly watched: boolean;
  /** Asked for each ping: whether it goes no further. */
  readonly swallowsPings: () => boolean;
  /** Messages are plain to some rule, or leave in another form or order than they came in. */
  readonly inflates: boolean;
  /** null: compression was not agreed on. */
  readonly compressed: CompressedMessages | null;
  /** Bytes of a message that is looked into, also inflated. */
  readonly maxMessageBytes: number;
}

/** What a flow asks of its connection. */
export interface FlowEnds {
  /** Towards the receiver. `bytes` may be borrowed from the link's buffer. */
  write(bytes: Buffer): void;
  /** The direction has stopped (true), or goes on: its source is to be paused meanwhile. */
  stopped(stopped: boolean): void;
  /** The sender has broken the protocol; nothing more comes out of the flow. */
  violated(code: number, why: string): void;
  /** A whole message came; only where the flow is watched. */
  seen(message: Payload): void;
  /** For the first time a message passed that was too large to be looked into; with it, those that refer to it. */
  unread(andThoseBehind: boolean): void;
  /** A close frame is about to go through: what is held back goes before it. */
  closeComing(): void;
}

/** Frames of one message: more are an attack (each costs memory for its bookkeeping). */
const maxFragments = 16_384;
const noBytes = Buffer.alloc(0);
/** First bytes of messages in one frame without extensions (RFC 6455 §5.2). */
const finText = 0x80 | opcodes.text;
const finBinary = 0x80 | opcodes.binary;

/** What becomes of a message that is not looked into. */
type Unread = "passes" | "ends here";

export class MessageFlow {
  readonly way: Way;
  /** Whole messages that came. */
  messages = 0;
  readonly #options: FlowOptions;
  readonly #ends: FlowEnds;
  readonly #header: FrameHeader;
  readonly #masks: boolean;
  readonly #holds: boolean;
  readonly #looks: boolean;
  /** Most messages are looked at, and that is all. */
  readonly #skims: boolean;
  readonly #plain = new PlainPayload();
  readonly #carry = new Carry();
  /** Bytes that came while the direction was stopped. */
  #queue: Buffer[] = [];
  #stops = 0;
  #from = 0;
  /** Bytes of the frame at hand that are still to go through. */
  #left = 0;
  #inMessage = false;
  #held: HeldMessage | null = null;
  /** The message at hand is not looked into: it passes while it arrives, or goes no further. */
  #unread: Unread | null = null;
  /** Compressed messages refer to one that nobody here has read. */
  #isBlind = false;
  #hasToldUnread = false;
  /** The receiver's history is not the sender's any more. */
  #recodes = false;
  #behindClose = false;
  #over = false;
  /** Told once what came before it has been forwarded. */
  #violation: { readonly code: number; readonly why: string } | null = null;
  #feeding = false;
  /** Frames of ours that wait for the end of the message at hand. */
  #pending: Buffer[] = [];

  constructor(options: FlowOptions, ends: FlowEnds) {
    this.#options = options;
    this.#ends = ends;
    this.way = options.way;
    this.#masks = options.way === "toUpstream";
    this.#header = new FrameHeader(this.#masks, options.compressed !== null);
    this.#holds = options.rules.length > 0 || options.watched;
    this.#skims = !options.watched && options.maxMessageBytes > 125 && options.rules.some(({ test }) => test);
    this.#looks = options.watched || options.rules.some(({ test }) => test !== null);
  }

  /** True while a message is partly out: a message of ours would tear it. */
  get isMidMessage(): boolean {
    return (!this.#holds || this.#unread === "passes") && (this.#left > 0 || this.#inMessage);
  }

  /** True while a frame is partly out: any frame of ours would tear it. */
  get isMidFrame(): boolean {
    return this.#left > 0 && this.#unread !== "ends here";
  }

  feed(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#stops > 0 || this.#feeding) {
      this.#queue.push(Buffer.from(chunk));
      return;
    }
    if (this.#behindClose) return this.#ends.write(chunk);
    this.#feeding = true;
    this.#walk(this.#carry.join(chunk));
    this.#feeding = false;
    if (this.#queue.length > 0 && this.#stops === 0) this.#goOn();
  }

  #walk(bytes: Buffer): void {
    this.#from = 0;
    let at = 0;
    while (at < bytes.length && this.#stops === 0 && !this.#over && !this.#behindClose) {
      if (this.#skims && !this.#inMessage && this.#left === 0) at = this.#skim(bytes, at);
      if (at === bytes.length) break;
      const next = this.#left > 0 ? this.#through(bytes, at) : this.#frame(bytes, at);
      if (next < 0) {
        this.#flush(bytes, at);
        if (this.#violation) this.#ends.violated(this.#violation.code, this.#violation.why);
        else if (!this.#over) this.#carry.keep(bytes, at);
        return;
      }
      at = next;
    }
    if (this.#over) return;
    this.#flush(bytes, at);
    if (at === bytes.length) return;
    if (this.#behindClose && this.#stops === 0) this.#ends.write(bytes.subarray(at));
    else this.#queue.unshift(Buffer.from(bytes.subarray(at)));
  }

  /** Stops the direction until the returned function is called. */
  stop(): () => void {
    if (++this.#stops === 1) this.#ends.stopped(true);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#stops === 0 && !this.#feeding) this.#goOn();
    };
  }

  #goOn(): void {
    while (this.#queue.length > 0 && this.#stops === 0 && !this.#over) {
      const queued = this.#queue.length === 1 ? (this.#queue[0] ?? noBytes) : Buffer.concat(this.#queue);
      this.#queue = [];
      this.feed(queued);
    }
    if (this.#stops === 0) this.#ends.stopped(false);
  }

  get isStopped(): boolean {
    return this.#stops > 0;
  }

  /** The sender has ended: what is not complete goes on as it came, because nothing can complete it. */
  end(): void {
    if (this.#over) return;
    if (this.#held) this.#ends.write(this.#held.raw);
    this.#held = null;
    const rest = this.#carry.join(noBytes);
    if (rest.length > 0) this.#ends.write(rest);
    this.finish();
  }

  /** Nothing more is to come out: the connection is being closed by us. */
  finish(): void {
    this.#over = true;
    this.#queue = [];
    this.#pending = [];
    this.#held = null;
    this.#carry.release();
    this.#plain.release();
  }

  /** A frame of ours, at the next place between two messages. */
  inject(frame: Buffer): void {
    if (this.#over || this.#behindClose) return;
    if (this.isMidMessage) this.#pending.push(frame);
    else this.#ends.write(frame);
  }

  /** A message of ours. */
  send(payload: Payload): void {
    this.inject(
      encodeFrame(payload.binary ? opcodes.binary : opcodes.text, payload.bytes, this.#masks, false),
    );
  }

  /** From now on messages refer to what the receiver never got, or got in another order. */
  diverge(): void {
    if (this.#options.compressed?.terms.takeover) this.#recodes = true;
  }

  /** The message as it came, or so that its receiver understands it. */
  deliver(message: ClaimedMessage): void {
    if (this.#over) return;
    if (message.compressed && this.#recodes) this.inject(this.#recoded(message));
    else this.#ends.write(message.raw);
  }

  #recoded({ payload }: ClaimedMessage): Buffer {
    const opcode = payload.binary ? opcodes.binary : opcodes.text;
    const small = this.#options.compressed?.deflate(payload.bytes) ?? null;
    return encodeFrame(opcode, small ?? payload.bytes, this.#masks, small !== null);
  }

  // ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A frame that nobody holds: it goes through, or is passed over, while it arrives. */
  #unheld(bytes: Buffer, at: number, end: number): number {
    this.#inMessage = !this.#header.fin;
    if (this.#header.fin) this.messages++;
    this.#left = end - at;
    return this.#through(bytes, at);
  }

  #through(bytes: Buffer, at: number): number {
    const length = Math.min(this.#left, bytes.length - at);
    this.#left -= length;
    const next = at + length;
    if (this.#unread === "ends here") {
      this.#flush(bytes, at);
      this.#from = next;
    }
    if (this.#left > 0 || this.#inMessage) return next;
    this.#unread = null;
    if (this.#pending.length > 0) {
      this.#flush(bytes, next);
      for (const frame of this.#pending.splice(0)) this.#ends.write(frame);
    }
    return next;
  }

  /** Offset behind the frame at `at`; -1 where it is not complete, or the flow is over. */
  #frame(bytes: Buffer, at: number): number {
    const header = this.#header;
    if (!header.read(bytes, at, bytes.length)) {
      if (header.flaw !== "") this.#violate(closeCodes.protocolError, header.flaw);
      return -1;
    }
    const end = at + header.headerBytes + header.payloadBytes;
    if (header.isControl) return end <= bytes.length ? this.#control(bytes, at, end) : -1;
    if ((header.opcode === opcodes.continuation) !== this.#inMessage) {
      const what = this.#inMessage ? "a new message inside another" : "a continuation of no message";
      this.#violate(closeCodes.protocolError, what);
      return -1;
    }
    if (!this.#holds || this.#unread) return this.#unheld(bytes, at, end);
    if (header.payloadBytes + (this.#held?.payloadBytes ?? 0) > this.#options.maxMessageBytes)
      return this.#tooLarge(bytes, at, end);
    if (end > bytes.length) return -1;
    return header.fin && !this.#inMessage ? this.#single(bytes, at, end) : this.#fragment(bytes, at, end);
  }

  #control(bytes: Buffer, at: number, end: number): number {
    const { opcode, payloadBytes } = this.#header;
    if (opcode === opcodes.ping && this.#options.swallowsPings()) {
      this.#flush(bytes, at);
      this.#from = end;
    }
    if (opcode !== opcodes.close) return end;
    if (payloadBytes > 0 && !this.#isSoundClose(bytes, at)) return -1;
    // What is held back of a message that will never end was sent before it.
    if (this.#held) {
      this.#flush(bytes, at);
      this.#ends.write(this.#held.raw);
      this.#held = null;
    }
    this.#flush(bytes, at);
    this.#ends.closeComing();
    this.#flush(bytes, end);
    this.#behindClose = true;
    return end;
  }

  /** RFC 6455 §5.5.1, §7.4. */
  #isSoundClose(bytes: Buffer, at: number): boolean {
    const plain = this.#take(bytes, at);
    const code = ((plain.bytes[plain.from] ?? 0) << 8) | (plain.bytes[plain.from + 1] ?? 0);
    if (plain.to - plain.from < 2) this.#violate(closeCodes.protocolError, "a close code of one byte");
    else if (!mayStandInFrame(code)) this.#violate(closeCodes.protocolError, `the close code ${code}`);
    else {
      plain.from += 2;
      if (plain.isText) return true;
      this.#violate(closeCodes.invalidPayload, "a close reason that is not UTF-8");
    }
    return false;
  }

  #take(bytes: Buffer, at: number): PlainPayload {
    const { headerBytes, payloadBytes, masked } = this.#header;
    const from = at + headerBytes;
    this.#plain.take(bytes, from, from + payloadBytes, masked ? from - 4 : -1);
    return this.#plain;
  }

  // ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The hot path, for what nearly all messages are: short, plain, in one frame, whole in the chunk, and of no rule's
   * concern. Offset of the first frame that is anything else; nothing has been done with that one yet.
   */
  #skim(bytes: Buffer, from: number): number {
    const { length } = bytes;
    const keyBytes = this.#masks ? 4 : 0;
    const maskBit = this.#masks ? 0x80 : 0;
    const plain = this.#plain;
    let at = from;
    while (at + 2 <= length) {
      const first = bytes[at] ?? 0;
      const payloadBytes = (bytes[at + 1] ?? 0) ^ maskBit;
      const start = at + 2 + keyBytes;
      const end = start + payloadBytes;
      if ((first !== finText && first !== finBinary) || payloadBytes > 125 || end > length) break;
      plain.take(bytes, start, end, keyBytes === 0 ? -1 : start - 4);
      const binary = first === finBinary;
      if (!binary && !plain.isText) break;
      if (this.#firstRule(plain, binary, 0) !== null) break;
      this.messages++;
      at = end;
    }
    return at;
  }

  /** A message in one frame, whole in one chunk. */
  #single(bytes: Buffer, at: number, end: number): number {
    const { compressed, opcode } = this.#header;
    const binary = opcode === opcodes.binary;
    const plain = this.#take(bytes, at);
    if (compressed && !this.#inflate(plain, plain.bytes.subarray(plain.from, plain.to))) {
      if (this.#over) return -1;
      this.messages++;
      this.#flush(bytes, at);
      const fate = this.#fateUnread(binary, compressed);
      if (fate === "ends here") this.#from = end;
      return fate === "refused" ? -1 : end;
    }
    const claimed = this.#message(plain, binary, compressed);
    if (this.#over) return -1;
    if (claimed === null && !(compressed && this.#recodes)) return end;
    this.#flush(bytes, at);
    this.#from = end;
    const message = {
      way: this.way,
      raw: bytes.subarray(at, end),
      compressed,
      payload: { binary, bytes: plain.copy() },
    };
    this.#settle(message, claimed);
    return this.#over ? -1 : end;
  }

  /** A frame of a message that has several. */
  #fragment(bytes: Buffer, at: number, end: number): number {
    const { fin, opcode, compressed } = this.#header;
    this.#held ??= new HeldMessage(opcode === opcodes.binary, compressed);
    const held = this.#held;
    held.add(bytes.subarray(at, end), this.#take(bytes, at).copy());
    this.#inMessage = !fin;
    this.#flush(bytes, at);
    this.#from = end;
    if (held.frames > maxFragments) {
      this.#violate(closeCodes.policyViolation, `a message of more than ${maxFragments} frames`);
      return -1;
    }
    if (!fin) return end;
    this.#held = null;
    this.#gathered(held);
    return this.#over ? -1 : end;
  }

  #gathered({ binary, compressed, raw, payload }: HeldMessage): void {
    const plain = this.#plain;
    if (!compressed) plain.takeWhole(payload);
    else if (!this.#inflate(plain, payload)) {
      if (this.#over) return;
      this.messages++;
      if (this.#fateUnread(binary, compressed) === "passes") this.#ends.write(raw);
      return;
    }
    const claimed = this.#message(plain, binary, compressed);
    if (this.#over) return;
    this.#settle({ way: this.way, raw, compressed, payload: { binary, bytes: plain.copy() } }, claimed);
  }

  /** False: it cannot be read, or the flow is over. */
  #inflate(plain: PlainPayload, payload: Uint8Array): boolean {
    const { compressed, inflates, maxMessageBytes } = this.#options;
    if (!compressed || !inflates) return true;
    if (this.#isBlind) return false;
    const found = compressed.inflate(payload, maxMessageBytes);
    if (typeof found !== "string") {
      plain.takeWhole(found);
      return true;
    }
    if (found === "broken")
      this.#violate(closeCodes.invalidPayload, "a compressed message that cannot be inflated");
    return false;
  }

  // ── messages that are not looked into ────────────────────────────────────────────────────────────────────────────

  /** The frame at `at` begins or goes on with a message that is larger than may be held. */
  #tooLarge(bytes: Buffer, at: number, end: number): number {
    const { opcode, compressed } = this.#header;
    const held = this.#held;
    this.#held = null;
    this.#flush(bytes, at);
    const fate = this.#fateUnread(held?.binary ?? opcode === opcodes.binary, held?.compressed ?? compressed);
    if (fate === "refused") return -1;
    if (held && fate === "passes") this.#ends.write(held.raw);
    this.#unread = fate;
    return this.#unheld(bytes, at, end);
  }

  /**
   * Rules that look inside, or need the message as a whole, are passed over, as with the body of a request that is too
   * large; others may still take it away or end the connection.
   */
  #fateUnread(binary: boolean, compressed: boolean): Unread | "refused" {
    // Later ones refer to it, and to read them one would have to know it.
    const isReferredTo = compressed && this.#options.inflates && this.#options.compressed?.terms.takeover;
    if (isReferredTo) this.#isBlind = true;
    const message = { way: this.way, raw: noBytes, compressed, payload: { binary, bytes: noBytes } };
    for (const rule of this.#options.rules) {
      if (rule.test || rule.whole || (rule.alters && isReferredTo)) continue;
      if (rule.claim(message)) return this.#over ? "refused" : "ends here";
    }
    if (compressed && this.#recodes) {
      const what = `a compressed message of more than ${this.#options.maxMessageBytes} bytes behind others that a rule changed`;
      this.#violate(closeCodes.messageTooBig, what);
      return "refused";
    }
    if (!this.#hasToldUnread) this.#ends.unread(this.#isBlind);
    this.#hasToldUnread = true;
    return "passes";
  }

  /** Index of the first rule whose test passes, or null. */
  #message(plain: PlainPayload, binary: boolean, compressed: boolean): number | null {
    this.messages++;
    const readable = !compressed || this.#options.inflates;
    if (this.#looks && !binary && readable && !plain.isText) {
      this.#violate(closeCodes.invalidPayload, "a text message that is not UTF-8");
      return null;
    }
    if (this.#options.watched) this.#ends.seen({ binary, bytes: plain.copy() });
    return this.#firstRule(plain, binary, 0);
  }

  #firstRule(plain: PlainPayload, binary: boolean, after: number): number | null {
    const { rules } = this.#options;
    for (let i = after; i < rules.length; i++) {
      const test = rules[i]?.test;
      if (test === null || test?.(plain.bytes, plain.from, plain.to, binary)) return i;
    }
    return null;
  }

  /** Hands the message to the rule, and to the next that fits where it declines. */
  #settle(message: ClaimedMessage, claimed: number | null): void {
    const { bytes, binary } = message.payload;
    for (let i = claimed; i !== null; ) {
      if (this.#options.rules[i]?.claim(message)) return;
      this.#plain.takeWhole(bytes);
      i = this.#firstRule(this.#plain, binary, i + 1);
    }
    this.deliver(message);
  }

  #violate(code: number, why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#violation = { code, why };
  }

  #flush(bytes: Buffer, to: number): void {
    if (to > this.#from)
      this.#ends.write(this.#from === 0 && to === bytes.length ? bytes : bytes.subarray(this.#from, to));
    this.#from = Math.max(this.#from, to);
  }
}
