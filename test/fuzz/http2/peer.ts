// One end of an HTTP/2 connection that says whatever it may, in whatever form it may, and keeps account of it. What comes is
// judged by Receiver.

import type { Socket } from "node:net";
import {
  frame,
  frameTypes,
  goAwayFrame,
  preface,
  resetFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../src/proxy/lanes/http2/frames.ts";
import type { Dice } from "../dice.ts";
import { blockFrames } from "./block-frames.ts";
import { FrameSocket } from "./frame-socket.ts";
import { type Fields, HpackWriter } from "./hpack-writer.ts";
import { PeerStream } from "./peer-stream.ts";
import { Receiver } from "./receiver.ts";
import { defaultTerms, OwnTerms, type Setting, someSettings } from "./terms.ts";

const endStream = 0x1;
const padded = 0x8;

export class Peer {
  readonly wire: FrameSocket;
  readonly dice: Dice;
  readonly isServer: boolean;
  readonly own = new OwnTerms();
  readonly encoder: HpackWriter;
  readonly open = new Map<number, PeerStream>();
  readonly all = new Map<number, PeerStream>();
  /** What the other side did that no peer may. */
  readonly problems: string[] = [];
  theirs = defaultTerms;
  sendWindow = defaultTerms.windowBytes;
  receiveWindow = defaultTerms.windowBytes;
  pings = 0;
  pongs = 0;
  /** The other side has said GOAWAY. */
  isSentAway = false;
  /** Streams above it are not looked at: we have said GOAWAY. */
  lastStream = Number.POSITIVE_INFINITY;
  #nextStream = 1;

  constructor(socket: Socket, isServer: boolean, dice: Dice) {
    this.isServer = isServer;
    this.dice = dice;
    this.encoder = new HpackWriter(dice);
    const receiver = new Receiver(this);
    this.wire = new FrameSocket(socket, isServer ? preface.length : 0, dice, (given) => receiver.take(given));
    if (!isServer) this.wire.put(preface);
    this.say(dice.chance(0.5) ? [] : someSettings(dice, isServer));
  }

  wrong(problem: string): void {
    this.problems.push(`${this.isServer ? "upstream" : "client"}: ${problem}`);
  }

  /** A stream of the other side's, or of ours. */
  take(id: number, key: string, path: string): PeerStream {
    const { theirs, own } = this;
    const stream = new PeerStream(id, key, path, theirs.windowBytes, own.latest.windowBytes);
    // The other side may go by a larger window, which it has not heard yet to be smaller.
    stream.lowered = own.most((terms) => terms.windowBytes) - own.latest.windowBytes;
    this.open.set(id, stream);
    this.all.set(id, stream);
    return stream;
  }

  /** A request, where the other side takes another one. */
  ask(key: string, path: string, fields: Fields): void {
    if (this.open.size >= this.theirs.streams || this.isSentAway) return;
    if (this.dice.chance(0.05)) this.#nextStream += 2; // RFC 9113 §5.1.1: ids may be left out
    const stream = this.take(this.#nextStream, key, path);
    this.#nextStream += 2;
    const pseudo: Fields = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", "test"],
    ];
    stream.sentHead = [...pseudo, ["x-key", key], ...fields];
    this.block(stream, stream.sentHead, this.dice.chance(0.4));
  }

  block(stream: PeerStream, fields: Fields, ends: boolean): void {
    const block = this.encoder.encode(fields);
    for (const part of blockFrames(stream.id, block, ends, !this.isServer, this.dice)) this.wire.put(part);
    if (ends) stream.sentEnd = true;
    this.settle(stream);
  }

  trailers(stream: PeerStream, fields: Fields): void {
    stream.sentTrailers = fields;
    this.block(stream, fields, true);
  }

  /** Up to `bytes` of DATA, as much as the windows let through; perhaps padded (RFC 9113 §6.1). */
  data(stream: PeerStream, bytes: number, ends: boolean): void {
    const padding = this.dice.chance(0.15) ? this.dice.below(30) : -1;
    const room = Math.min(stream.sendWindow, this.sendWindow, this.theirs.frameBytes);
    const isPadded = padding + 1 > 0 && room > padding;
    const size = Math.max(0, Math.min(bytes, room - (isPadded ? padding + 1 : 0)));
    if (size === 0 && !ends) return;
    const content = Buffer.alloc(size, 97 + this.dice.below(26));
    const payload = isPadded
      ? Buffer.concat([Buffer.from([padding]), content, Buffer.alloc(padding)])
      : content;
    stream.sent.push(content);
    stream.sendWindow -= payload.length;
    this.sendWindow -= payload.length;
    this.wire.put(
      frame(frameTypes.data, (ends ? endStream : 0) | (isPadded ? padded : 0), stream.id, payload),
    );
    if (ends) stream.sentEnd = true;
    this.settle(stream);
  }

  reset(stream: PeerStream, code: number): void {
    this.wire.put(resetFrame(stream.id, code));
    stream.reset = { byUs: true, code };
    this.settle(stream);
  }

  /** The other side may send more: on a stream, or on the connection (null). */
  grant(stream: PeerStream | null, bytes: number): void {
    this.wire.put(windowUpdateFrame(stream?.id ?? 0, bytes));
    if (stream) stream.receiveWindow += bytes;
    else this.receiveWindow += bytes;
  }

  say(settings: readonly Setting[]): void {
    const before = this.own.latest.windowBytes;
    this.own.say(settings);
    this.wire.put(settingsFrame(settings));
    const change = this.own.latest.windowBytes - before;
    for (const stream of this.open.values()) {
      stream.receiveWindow += change;
      stream.lowered += Math.max(0, -change);
    }
  }

  ping(): void {
    this.wire.put(frame(frameTypes.ping, 0, 0, Buffer.alloc(8, this.pings)));
    this.pings++;
  }

  /** RFC 9113 §4.1: a frame of a type that nobody knows is to be ignored. */
  unknownFrame(): void {
    this.wire.put(frame(77, 3, 0, Buffer.from("unknown")));
  }

  /** `lastStream`: the last that is looked at. */
  goAway(lastStream: number): void {
    this.wire.put(goAwayFrame(lastStream, 0));
    this.lastStream = lastStream;
    for (const stream of this.open.values()) this.disown(stream);
  }

  /** Forgets a stream above the last. */
  disown(stream: PeerStream): void {
    if (stream.id <= this.lastStream) return;
    stream.reset = { byUs: true, code: 7 };
    this.settle(stream);
  }

  settle(stream: PeerStream): void {
    if (stream.isOver) this.open.delete(stream.id);
  }
}
