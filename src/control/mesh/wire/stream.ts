// The layers of a stream, one message in each direction.
//
//   sending   message → compression → encryption (type byte, length) → label, by the one who dialled only
//   receiving the other way round, from chunks of any size, bounded before and after authentication

import { UnderstudyError } from "../../../core/errors.ts";
import { type Keyring, nonceOf } from "./keyring.ts";
import { labelHeader } from "./label.ts";
import { lzwDecode } from "./lzw.ts";
import {
  type Ack,
  ackStruct,
  compressStruct,
  errorStruct,
  messageType,
  type Ping,
  pingStruct,
  userHeaderStruct,
} from "./messages.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { compressed, type DropReason } from "./packet.ts";
import { type PushPull, PushPullParser } from "./push-pull.ts";
import { ReplayWindow } from "./replay-window.ts";
import { attempt, type FaultKind, WireFault } from "./wire-fault.ts";

/** What a stream may bring. */
export type StreamMessage =
  | { readonly kind: "push-pull"; readonly state: PushPull }
  | { readonly kind: "ping"; readonly ping: Ping }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "user"; readonly body: Buffer }
  | { readonly kind: "error"; readonly text: string };

/** A complete message, a reason to hang up, or null: more bytes are needed. */
export type StreamOutcome = StreamMessage | { readonly kind: "drop"; readonly reason: DropReason } | null;

/** Bytes of one message on the wire, and decompressed: ten thousand members with full meta. */
const maxStreamBytes = 12 * 1_024 * 1_024;
const sealHeaderBytes = 5;

/** A user message as a stream carries it. */
export function streamUserMessage(body: Buffer): Buffer {
  return Buffer.concat([userHeaderStruct.message(messageType.user, { UserMsgLen: body.length }), body]);
}

export interface StreamCodecOptions {
  readonly keyring: Keyring;
  readonly label?: string;
  readonly compress?: boolean;
}

export class StreamCodec {
  readonly #options: StreamCodecOptions;
  readonly #header: Buffer;
  readonly #replays = new ReplayWindow();

  constructor(options: StreamCodecOptions) {
    this.#options = options;
    this.#header = labelHeader(options.label ?? "");
  }

  /** `dialled`: we opened the stream, so that the label precedes. Throws `bad_message` beyond the bound. */
  seal(message: Buffer, dialled: boolean): Buffer {
    const { keyring, compress } = this.#options;
    const content = compress === false ? message : compressed(message);
    if (content.length > maxStreamBytes)
      throw new UnderstudyError("bad_message", `a stream message of ${content.length} bytes is too large`);
    const parts = dialled ? [this.#header] : [];
    if (!keyring.enabled) return Buffer.concat([...parts, content]);
    const head = Buffer.allocUnsafe(sealHeaderBytes);
    head[0] = messageType.encrypt;
    head.writeUInt32BE(content.length + 29, 1);
    return Buffer.concat([...parts, head, keyring.seal(content, this.#aad(head))]);
  }

  /** `labelled`: the peer dialled, so that the label precedes. One reader for one stream. */
  reader(labelled: boolean): StreamReader {
    return new StreamReader({
      keyring: this.#options.keyring,
      header: labelled ? this.#header : this.#header.subarray(0, 0),
      aad: (head) => this.#aad(head),
      isReplay: (sealed) => this.#replays.seen(nonceOf(sealed)),
    });
  }

  #aad(head: Uint8Array): Buffer {
    return Buffer.concat([head, this.#header.subarray(2)]);
  }
}

interface ReaderDeps {
  readonly keyring: Keyring;
  readonly header: Buffer;
  readonly aad: (head: Uint8Array) => Buffer;
  readonly isReplay: (sealed: Buffer) => boolean;
}

export class StreamReader {
  readonly #deps: ReaderDeps;
  readonly #bytes = new Gathered();
  readonly #pushPull = new PushPullParser();
  #labelPassed = false;

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
  }

  /** Takes the next bytes. After an outcome the reader is done. */
  push(chunk: Uint8Array): StreamOutcome {
    if (!this.#bytes.add(chunk)) return drop("too-large");
    const outcome = attempt(() => this.#read());
    if (typeof outcome !== "string") return outcome;
    return outcome === "incomplete" ? null : drop(outcome);
  }

  #read(): StreamMessage | { kind: "drop"; reason: DropReason } {
    const { header, keyring } = this.#deps;
    if (!this.#labelPassed) {
      const start = this.#bytes.view.subarray(0, header.length);
      if (!start.equals(header.subarray(0, start.length))) return drop("label");
      if (start.length < header.length) throw new WireFault("incomplete", "the label is cut");
      this.#bytes.consume(header.length);
      this.#labelPassed = true;
    }
    const bytes = this.#bytes.view;
    const type = bytes[0];
    if (type === undefined) throw new WireFault("incomplete", "nothing yet");
    if (type === messageType.label) return drop("label");
    if (!keyring.enabled) return type === messageType.encrypt ? drop("undecryptable") : this.#content(bytes);
    return type === messageType.encrypt ? this.#sealed(bytes) : drop("undecryptable");
  }

  #sealed(bytes: Buffer): StreamMessage | { kind: "drop"; reason: DropReason } {
    if (bytes.length < sealHeaderBytes) throw new WireFault("incomplete", "the length is cut");
    const length = bytes.readUInt32BE(1);
    if (length > maxStreamBytes) return drop("too-large");
    if (bytes.length < sealHeaderBytes + length)
      throw new WireFault("incomplete", "the sealed bytes are cut");
    const sealed = bytes.subarray(sealHeaderBytes, sealHeaderBytes + length);
    const plaintext = this.#deps.keyring.open(sealed, this.#deps.aad(bytes.subarray(0, sealHeaderBytes)));
    if (plaintext === null) return drop("undecryptable");
    if (this.#deps.isReplay(sealed)) return drop("replay");
    return whole(() => this.#content(plaintext));
  }

  #content(bytes: Buffer): StreamMessage {
    if (bytes[0] !== messageType.compress) return this.#message(bytes);
    const inner = lzwDecode(compressStruct.parse(bytes, 1).Buf, maxStreamBytes);
    return whole(() => this.#message(inner));
  }

  #message(bytes: Buffer): StreamMessage {
    switch (bytes[0]) {
      case messageType.pushPull: {
        const state = this.#pushPull.parse(bytes);
        if (typeof state === "string") throw new WireFault(state, "push-pull");
        return { kind: "push-pull", state };
      }
      case messageType.ping:
        return { kind: "ping", ping: pingStruct.parse(bytes, 1) };
      case messageType.ack:
        return { kind: "ack", ack: ackStruct.parse(bytes, 1) };
      case messageType.error:
        return { kind: "error", text: errorStruct.parse(bytes, 1).Error };
      case messageType.user:
        return { kind: "user", body: userBody(bytes) };
      default:
        throw new WireFault("malformed", `no such message on a stream: ${bytes[0]}`);
    }
  }
}

function userBody(bytes: Buffer): Buffer {
  const reader = new MsgpackReader(bytes, 1);
  const { UserMsgLen: length } = userHeaderStruct.read(reader);
  if (length > maxStreamBytes) throw new WireFault("too-large", "a user message");
  if (bytes.length < reader.offset + length) throw new WireFault("incomplete", "the user message is cut");
  return bytes.subarray(reader.offset, reader.offset + length);
}

/** For bytes that are all there: what is incomplete now stays so. */
function whole<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof WireFault && thrown.kind === "incomplete")
      throw new WireFault("malformed", "a complete stream message ends early");
    throw thrown;
  }
}

function drop(reason: FaultKind | DropReason): { readonly kind: "drop"; readonly reason: DropReason } {
  return { kind: "drop", reason: reason === "incomplete" ? "malformed" : reason };
}

/** Chunks as one piece, copied once each on average. */
class Gathered {
  #bytes = Buffer.allocUnsafe(4_096);
  #start = 0;
  #end = 0;

  get view(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  consume(count: number): void {
    this.#start += count;
  }

  /** False: beyond the bound. */
  add(chunk: Uint8Array): boolean {
    const end = this.#end + chunk.length;
    if (end > maxStreamBytes + 1_024) return false;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#end);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end = end;
    return true;
  }
}
