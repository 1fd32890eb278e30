// One direction of a WebSocket that rules concern: bytes in, frames told apart, the frames' own bytes out.
//
//   frame ──no rule for this direction──► through     forwarded while it arrives, only its end is looked for
//     │
//     ├──control──────────────────────► at once       a ping may be swallowed; behind a close frame all is raw
//     └──data──► gathered ──whole──► claimed?  no ──► its own bytes, in one run with its neighbours
//                                        └─────yes──► act: drop, replace, … (what takes time stops the direction)

import type { Payload } from "../../../core/payload.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import { Carry } from "../http1/carry.ts";
import type { ClaimedMessage } from "./claimed-message.ts";
import { closeCodes, flawOfClose } from "./close-codes.ts";
import { CodedMessages } from "./coded-messages.ts";
import type { FlowEnds, FlowOptions } from "./flow-options.ts";
import { FrameHeader, opcodes } from "./frame-header.ts";
import { encodeMessage } from "./frame-writer.ts";
import { HeldMessage } from "./held-message.ts";
import { MessageReader, type Unread } from "./message-reader.ts";
import { Passage } from "./passage.ts";
import { PlainPayload } from "./plain-payload.ts";
import { RuleOrder } from "./rule-order.ts";
import { Skim } from "./skim.ts";
import { StopGate } from "./stop-gate.ts";

/** Frames of one message: more are an attack (each costs memory for its bookkeeping). */
const maxFragments = 16_384;
const noBytes = Buffer.alloc(0);

export class MessageFlow {
  readonly way: Way;
  #messages = 0;
  readonly #options: FlowOptions;
  readonly #ends: FlowEnds;
  readonly #header: FrameHeader;
  readonly #masks: boolean;
  readonly #rules: RuleOrder;
  readonly #skim: Skim;
  readonly #coded: CodedMessages;
  readonly #reader: MessageReader;
  readonly #plain = new PlainPayload();
  readonly #carry = new Carry();
  readonly #gate: StopGate;
  readonly #passage: Passage;
  /** Bytes of the frame at hand that are still to go through. */
  #left = 0;
  #inMessage = false;
  #held: HeldMessage | null = null;
  /** The message at hand is not looked into: it passes while it arrives, or goes no further. */
  #unread: Unread | null = null;
  #behindClose = false;
  #over = false;
  #hasEnded = false;
  /** Told once what came before it has been forwarded. */
  #violation: { readonly code: number; readonly why: string } | null = null;
  #feeding = false;

  constructor(options: FlowOptions, ends: FlowEnds) {
    this.#options = options;
    this.#ends = ends;
    this.way = options.way;
    this.#masks = options.way === "toUpstream";
    this.#header = new FrameHeader(this.#masks, options.compressed !== null);
    this.#rules = new RuleOrder(options);
    this.#skim = new Skim(this.#rules, this.#plain, this.#masks);
    this.#coded = new CodedMessages(options, this.#masks);
    this.#reader = new MessageReader({
      ...{ options, ends, rules: this.#rules, coded: this.#coded, plain: this.#plain },
      violate: (code, why) => this.#violate(code, why),
    });
    this.#passage = new Passage((bytes) => ends.write(bytes));
    this.#gate = new StopGate(
      () => ends.stopped(true),
      () => {
        if (!this.#feeding) this.#goOn();
      },
    );
  }

  /** Whole messages that came. */
  get messages(): number {
    return this.#messages + this.#skim.messages;
  }

  get isStopped(): boolean {
    return this.#gate.isShut;
  }

  /** Stops the direction until the returned function is called. */
  stop(): () => void {
    return this.#gate.stop();
  }

  /** True while a message is partly out: a message of ours would tear it. */
  get isMidMessage(): boolean {
    return (!this.#rules.holds || this.#unread === "passes") && (this.#left > 0 || this.#inMessage);
  }

  /** False while a frame is partly out, which a close frame of ours would tear, and behind a close frame (RFC 6455 §5.5.1) or the end. */
  get takesClose(): boolean {
    return !this.#behindClose && !this.#hasEnded && (this.#left === 0 || this.#unread === "ends here");
  }

  feed(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#gate.isShut || this.#feeding) return this.#gate.add(chunk);
    if (this.#behindClose) return this.#ends.write(chunk);
    this.#feeding = true;
    this.#walk(this.#carry.join(chunk));
    this.#feeding = false;
    if (this.#gate.holdsBytes && !this.#gate.isShut) this.#goOn();
  }

  #walk(bytes: Buffer): void {
    this.#passage.begin();
    let at = 0;
    while (at < bytes.length && !this.#gate.isShut && !this.#over && !this.#behindClose) {
      if (this.#rules.skims && !this.#inMessage && this.#left === 0) at = this.#skim.run(bytes, at);
      if (at === bytes.length) break;
      const next = this.#left > 0 ? this.#through(bytes, at) : this.#frame(bytes, at);
      if (next < 0) {
        this.#passage.flush(bytes, at);
        if (this.#violation) this.#ends.violated(this.#violation.code, this.#violation.why);
        else if (!this.#over) this.#carry.keep(bytes, at);
        return;
      }
      at = next;
    }
    if (this.#over) return;
    this.#passage.flush(bytes, at);
    if (at === bytes.length) return;
    if (this.#behindClose && !this.#gate.isShut) this.#ends.write(bytes.subarray(at));
    else this.#gate.putBack(bytes.subarray(at));
  }

  #goOn(): void {
    const gate = this.#gate;
    while (gate.holdsBytes && !gate.isShut && !this.#over) this.feed(gate.take());
    if (!gate.isShut) this.#ends.stopped(false);
  }

  /** The sender has ended: what is not complete goes on as it came, because nothing can complete it. */
  end(): void {
    if (this.#over) return;
    if (this.#held) this.#ends.write(this.#held.raw);
    this.#held = null;
    const rest = this.#carry.join(noBytes);
    if (rest.length > 0) this.#ends.write(rest);
    this.#hasEnded = true;
    this.finish();
  }

  /** Nothing more is to come out: the connection is being closed by us. */
  finish(): void {
    this.#over = true;
    this.#gate.clear();
    this.#passage.clear();
    this.#held = null;
    this.#carry.release();
    this.#plain.release();
  }

  /** A frame of ours, or a message that was held back, at the next place between two messages; it stays as it is. */
  inject(frame: Buffer): void {
    if (this.#over || this.#behindClose) return;
    if (this.isMidMessage) this.#passage.wait(frame);
    else this.#ends.write(frame);
  }

  /** A message of ours. */
  send(payload: Payload): void {
    this.inject(encodeMessage(payload, this.#masks));
  }

  /** From now on messages refer to what the receiver never got, or got in another order. */
  diverge(): void {
    this.#coded.diverge();
  }

  /** The message as it came, or so that its receiver understands it. */
  deliver(message: ClaimedMessage): void {
    if (this.#over) return;
    const isSame = !this.#coded.mustRecode(message.compressed);
    this.inject(isSame ? message.raw : this.#coded.recoded(message));
  }

  // ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A frame that nobody holds: it goes through, or is passed over, while it arrives. */
  #unheld(bytes: Buffer, at: number, end: number): number {
    this.#inMessage = !this.#header.fin;
    if (this.#header.fin) this.#messages++;
    this.#left = end - at;
    return this.#through(bytes, at);
  }

  #through(bytes: Buffer, at: number): number {
    const length = Math.min(this.#left, bytes.length - at);
    this.#left -= length;
    const next = at + length;
    if (this.#unread === "ends here") this.#passage.takeOut(bytes, at, next);
    if (this.#left > 0 || this.#inMessage) return next;
    this.#unread = null;
    this.#passage.between(bytes, next);
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
    if (!this.#rules.holds || this.#unread) return this.#unheld(bytes, at, end);
    if (header.payloadBytes + (this.#held?.payloadBytes ?? 0) > this.#options.maxMessageBytes)
      return this.#tooLarge(bytes, at, end);
    if (end > bytes.length) return -1;
    return header.fin && !this.#inMessage ? this.#single(bytes, at, end) : this.#fragment(bytes, at, end);
  }

  #control(bytes: Buffer, at: number, end: number): number {
    const { opcode, payloadBytes } = this.#header;
    if (opcode === opcodes.ping && this.#options.swallowsPings()) this.#passage.takeOut(bytes, at, end);
    if (opcode !== opcodes.close) return end;
    const flaw = payloadBytes > 0 ? flawOfClose(this.#take(bytes, at)) : null;
    if (flaw) {
      this.#violate(flaw.code, flaw.why);
      return -1;
    }
    // What is held back of a message that will never end was sent before it.
    if (this.#held) {
      this.#passage.flush(bytes, at);
      this.#ends.write(this.#held.raw);
      this.#held = null;
    }
    this.#passage.flush(bytes, at);
    this.#ends.closeComing();
    this.#passage.flush(bytes, end);
    this.#behindClose = true;
    return end;
  }

  #take(bytes: Buffer, at: number): PlainPayload {
    const { headerBytes, payloadBytes, masked } = this.#header;
    const from = at + headerBytes;
    this.#plain.take(bytes, from, from + payloadBytes, masked ? from - 4 : -1);
    return this.#plain;
  }

  // ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A message in one frame, whole in one chunk. */
  #single(bytes: Buffer, at: number, end: number): number {
    const { compressed, opcode } = this.#header;
    const binary = opcode === opcodes.binary;
    const plain = this.#take(bytes, at);
    if (compressed && !this.#reader.canRead(plain.bytes.subarray(plain.from, plain.to)))
      return this.#unreadable(binary, bytes, at, end);
    this.#messages++;
    const claimed = this.#reader.concerned(binary, compressed);
    if (this.#over) return -1;
    if (claimed === null && !this.#coded.mustRecode(compressed)) return end;
    this.#passage.takeOut(bytes, at, end);
    const message = {
      way: this.way,
      raw: bytes.subarray(at, end),
      compressed,
      payload: { binary, bytes: plain.copy() },
    };
    if (!this.#rules.hand(message, claimed, plain)) this.deliver(message);
    return this.#over ? -1 : end;
  }

  /** A compressed message in one frame that cannot be read. */
  #unreadable(binary: boolean, bytes: Buffer, at: number, end: number): number {
    if (this.#over) return -1;
    this.#messages++;
    this.#passage.flush(bytes, at);
    if (this.#reader.leaveUnread(binary, true) === "ends here") this.#passage.takeOut(bytes, at, end);
    return this.#over ? -1 : end;
  }

  /** A frame of a message that has several. */
  #fragment(bytes: Buffer, at: number, end: number): number {
    const { fin, opcode, compressed } = this.#header;
    this.#held ??= new HeldMessage(opcode === opcodes.binary, compressed);
    const held = this.#held;
    held.add(bytes.subarray(at, end), this.#take(bytes, at).copy());
    this.#inMessage = !fin;
    this.#passage.takeOut(bytes, at, end);
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
    if (!compressed) this.#plain.takeWhole(payload);
    else if (!this.#reader.canRead(payload)) {
      if (this.#over) return;
      this.#messages++;
      if (this.#reader.leaveUnread(binary, compressed) === "passes") this.#ends.write(raw);
      return;
    }
    this.#messages++;
    const claimed = this.#reader.concerned(binary, compressed);
    if (this.#over) return;
    const message = { way: this.way, raw, compressed, payload: { binary, bytes: this.#plain.copy() } };
    if (!this.#rules.hand(message, claimed, this.#plain)) this.deliver(message);
  }

  // ── messages that are not looked into ────────────────────────────────────────────────────────────────────────────

  /** The frame at `at` begins or goes on with a message that is larger than may be held. */
  #tooLarge(bytes: Buffer, at: number, end: number): number {
    const { opcode, compressed } = this.#header;
    const held = this.#held;
    this.#held = null;
    this.#passage.flush(bytes, at);
    const fate = this.#reader.leaveUnread(
      held?.binary ?? opcode === opcodes.binary,
      held?.compressed ?? compressed,
    );
    if (this.#over) return -1;
    if (held && fate === "passes") this.#ends.write(held.raw);
    this.#unread = fate;
    return this.#unheld(bytes, at, end);
  }

  #violate(code: number, why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#gate.clear();
    this.#violation = { code, why };
  }
}
