// The layers of a datagram.
//
//   sending   message or compound → CRC → encryption → label          receiving: the other way round
//
// A datagram holds one message, a compound of several, or either of them compressed; compounds may nest, a little.

import { crc32 } from "node:zlib";
import { splitCompound } from "./compound.ts";
import { type Keyring, nonceOf } from "./keyring.ts";
import { labelHeader, withoutLabel } from "./label.ts";
import { lzwDecode, lzwEncode } from "./lzw.ts";
import { compressStruct, messageType } from "./messages.ts";
import { ReplayWindow } from "./replay-window.ts";
import { attempt } from "./wire-fault.ts";

/** Why a packet, or a part of one, was dropped. */
export const dropReasons = [
  "label",
  "undecryptable",
  "replay",
  "crc",
  "malformed",
  "too-large",
  "unknown",
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Compounds and compressions inside of each other. */
const maxNesting = 3;
/** Bytes that one datagram may become when it is decompressed: what the peers accept as a datagram. */
const maxPacketBytes = 65_536;
/**
 * Messages in one datagram: about four times what the peers put into theirs. Most messages are answered, and a small datagram of
 * compressed pings would have thousands of answers, wherever it says.
 */
const maxMessages = 1_024;
/** Below this, compression never pays. */
const minCompressBytes = 96;
const crcBytes = 5;

/** What reads the messages: type byte and the message with it. A view into the datagram: copy what is kept. */
export type OnMessage = (type: number, message: Buffer) => void;
export type OnDrop = (reason: DropReason) => void;

export interface PacketCodecOptions {
  readonly keyring: Keyring;
  /** "": none. */
  readonly label?: string;
  readonly compress?: boolean;
}

export class PacketCodec {
  readonly #keyring: Keyring;
  readonly #header: Buffer;
  readonly #compress: boolean;
  readonly #replays = new ReplayWindow();

  constructor(options: PacketCodecOptions) {
    this.#keyring = options.keyring;
    this.#header = labelHeader(options.label ?? "");
    this.#compress = options.compress ?? false;
  }

  /** `checked`: with a CRC, for a receiver that is known to read it. */
  seal(content: Buffer, checked: boolean): Buffer {
    let packet = this.#compress ? compressed(content) : content;
    if (checked) packet = withCrc(packet);
    if (this.#keyring.enabled) packet = this.#keyring.seal(packet, this.#aad);
    return this.#header.length === 0 ? packet : Buffer.concat([this.#header, packet]);
  }

  /** Gives every message of the datagram to `onMessage`, in order, and what is unfit to `onDrop`. Never throws. */
  open(datagram: Buffer, onMessage: OnMessage, onDrop: OnDrop): void {
    const unlabelled = withoutLabel(datagram, this.#header);
    if (unlabelled === null) return onDrop("label");
    const opened = this.#decrypt(unlabelled, onDrop);
    if (opened === null) return;
    const checked = withoutCrc(opened);
    if (checked === null) return onDrop("crc");
    unpack(checked, { onMessage, onDrop, budget: maxPacketBytes, messagesLeft: maxMessages }, 0);
  }

  #decrypt(packet: Buffer, onDrop: OnDrop): Buffer | null {
    if (!this.#keyring.enabled) return packet;
    const plaintext = this.#keyring.open(packet, this.#aad);
    if (plaintext === null) onDrop("undecryptable");
    else if (this.#replays.seen(nonceOf(packet))) onDrop("replay");
    else return plaintext;
    return null;
  }

  /** The label without its header is authenticated too. */
  get #aad(): Buffer {
    return this.#header.subarray(2);
  }
}

interface Unpacking {
  readonly onMessage: OnMessage;
  readonly onDrop: OnDrop;
  /** Decompressed bytes that are still allowed. */
  budget: number;
  /** Below 0: that there are too many was said. */
  messagesLeft: number;
}

function unpack(message: Buffer, state: Unpacking, depth: number): void {
  const type = message[0];
  if (type === undefined || depth > maxNesting) {
    state.messagesLeft--;
    return state.onDrop("malformed");
  }
  if (type === messageType.compound) {
    const parts = splitCompound(message);
    if (parts === null) return state.onDrop("malformed");
    for (const part of parts) if (state.messagesLeft >= 0) unpack(part, state, depth + 1);
    return;
  }
  if (--state.messagesLeft < 0) return state.onDrop("too-large");
  if (type !== messageType.compress) return state.onMessage(type, message);
  const inner = attempt(() => decompressed(message, state.budget));
  if (!Buffer.isBuffer(inner)) return state.onDrop(inner === "too-large" ? "too-large" : "malformed");
  state.budget -= inner.length;
  unpack(inner, state, depth + 1);
}

/** What a compress message holds. Throws WireFault. */
export function decompressed(message: Buffer, limitBytes: number): Buffer {
  return lzwDecode(compressStruct.parse(message, 1).Buf, limitBytes);
}

/** A compress message, or the same bytes where that is not smaller. */
export function compressed(content: Buffer): Buffer {
  if (content.length < minCompressBytes) return content;
  const smaller = compressStruct.message(messageType.compress, { Algo: 0, Buf: lzwEncode(content) });
  return smaller.length < content.length ? smaller : content;
}

function withCrc(content: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(crcBytes + content.length);
  packet[0] = messageType.crc;
  packet.writeUInt32BE(crc32(content), 1);
  content.copy(packet, crcBytes);
  return packet;
}

/** A CRC stands at the outside only; null where it is wrong. */
function withoutCrc(packet: Buffer): Buffer | null {
  if (packet[0] !== messageType.crc) return packet;
  if (packet.length < crcBytes) return null;
  const content = packet.subarray(crcBytes);
  return crc32(content) === packet.readUInt32BE(1) ? content : null;
}
