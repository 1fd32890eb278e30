// Takes the frames that come to a peer: answers what asks for an answer, notes what came on which stream, and tells what no
// peer may send (RFC 9113 §4 to §6).

import { frame, frameTypes, settingsAck } from "../../../src/proxy/lanes/http2/frames.ts";
import { HpackDecoder } from "../../../src/proxy/lanes/http2/hpack/decoder.ts";
import type { Frame } from "./frame-socket.ts";
import type { Fields } from "./hpack-writer.ts";
import type { Peer } from "./peer.ts";
import type { PeerStream } from "./peer-stream.ts";
import { amended, type Setting, settingIds } from "./terms.ts";

const bits = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;
const maxWindowBytes = 2 ** 31 - 1;
/** An encoder of ours keeps no larger table, whatever it may. */
const mostTableBytes = 65_536;

interface OpenBlock {
  readonly stream: number;
  readonly ends: boolean;
  readonly parts: Buffer[];
}

export class Receiver {
  readonly #peer: Peer;
  readonly #decoder = new HpackDecoder({ maxListBytes: 10_000_000, maxFields: 100_000 });
  #block: OpenBlock | null = null;
  #greeted = false;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  take(given: Frame): void {
    const peer = this.#peer;
    const { type, flags, payload } = given;
    if (payload.length > peer.own.most((terms) => terms.frameBytes))
      peer.wrong(`a frame of ${payload.length}`);
    const isGreeting = type === frameTypes.settings && flags === 0;
    if (!this.#greeted && !isGreeting) peer.wrong("the first frame is not SETTINGS");
    this.#greeted = true;
    if (this.#block !== null && type !== frameTypes.continuation) peer.wrong("a header block is broken off");
    switch (type) {
      case frameTypes.settings:
        return this.#settings(given);
      case frameTypes.ping:
        if ((flags & bits.ack) !== 0) peer.pongs++;
        else peer.wire.put(frame(frameTypes.ping, bits.ack, 0, payload));
        return;
      case frameTypes.windowUpdate:
        return this.#windowUpdate(given);
      case frameTypes.goAway:
        peer.isSentAway = true;
        return;
      case frameTypes.reset:
        return this.#reset(given);
      case frameTypes.headers:
      case frameTypes.continuation:
        return this.#blockPart(given);
      case frameTypes.data:
        return this.#data(given);
      default: // PRIORITY, and what nobody knows
    }
  }

  #settings({ flags, payload }: Frame): void {
    const peer = this.#peer;
    if ((flags & bits.ack) !== 0) {
      const heard = peer.own.acknowledged();
      if (heard) this.#decoder.allowTable(heard.tableBytes);
      else peer.wrong("an ACK of nothing");
      return;
    }
    const settings: Setting[] = [];
    for (let at = 0; at < payload.length; at += 6)
      settings.push([payload.readUInt16BE(at), payload.readUInt32BE(at + 2)]);
    const before = peer.theirs.windowBytes;
    peer.theirs = amended(peer.theirs, settings);
    for (const stream of peer.open.values()) stream.sendWindow += peer.theirs.windowBytes - before;
    for (const [id, value] of settings) if (id === settingIds.table) this.#resizeTable(value);
    peer.wire.put(settingsAck);
  }

  /** RFC 7541 §4.2: it must shrink as far as it has to, and may grow as far as it likes. */
  #resizeTable(allowed: number): void {
    const { encoder, dice } = this.#peer;
    const bytes = Math.min(mostTableBytes, dice.chance(0.8) ? allowed : dice.below(allowed + 1));
    if (allowed < encoder.maxBytes || dice.chance(0.7)) encoder.resize(bytes);
  }

  #windowUpdate({ stream: id, payload }: Frame): void {
    const peer = this.#peer;
    const bytes = payload.readUInt32BE(0);
    const stream = peer.open.get(id);
    if (id === 0) peer.sendWindow += bytes;
    else if (stream) stream.sendWindow += bytes;
    if (bytes === 0 || Math.max(peer.sendWindow, stream?.sendWindow ?? 0) > maxWindowBytes)
      peer.wrong(`WINDOW_UPDATE of ${bytes}`);
  }

  #reset({ stream: id, payload }: Frame): void {
    const stream = this.#peer.open.get(id);
    if (!stream) return;
    stream.reset = { byUs: false, code: payload.readUInt32BE(0) };
    this.#peer.settle(stream);
  }

  #blockPart({ type, flags, stream, payload }: Frame): void {
    if (type === frameTypes.headers) {
      const isPadded = (flags & bits.padded) !== 0;
      const from = (isPadded ? 1 : 0) + ((flags & bits.priority) === 0 ? 0 : 5);
      const to = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
      const ends = (flags & bits.endStream) !== 0;
      this.#block = { stream, ends, parts: [payload.subarray(from, to)] };
    } else if (this.#block?.stream === stream) this.#block.parts.push(payload);
    else return this.#peer.wrong("CONTINUATION of nothing");
    if ((flags & bits.endHeaders) === 0) return;
    const { ends, parts } = this.#block;
    this.#block = null;
    const block = Buffer.concat(parts);
    const decoded = this.#decoder.decode(block, 0, block.length);
    if ("flaw" in decoded) return this.#peer.wrong(`HPACK: ${decoded.flaw}`);
    this.#fields(
      stream,
      decoded.fields.map(({ name, value }) => [name, value]),
      ends,
    );
  }

  #fields(id: number, fields: Fields, ends: boolean): void {
    const peer = this.#peer;
    if (peer.isServer && !peer.all.has(id)) return this.#asked(id, fields, ends);
    const stream = peer.open.get(id);
    if (!stream) return;
    if (stream.gotEnd) peer.wrong(`HEADERS behind the end of stream ${id}`);
    if (!stream.gotHead && fields[0]?.[1].startsWith("1")) return; // an interim response
    if (stream.gotHead) {
      stream.gotTrailers = fields;
      if (!ends) peer.wrong(`trailers of stream ${id} do not end it`);
    } else stream.gotHead = fields;
    this.#mayEnd(stream, ends);
  }

  #asked(id: number, fields: Fields, ends: boolean): void {
    const peer = this.#peer;
    const said = new Map(fields);
    const stream = peer.take(id, said.get("x-key") ?? "", said.get(":path") ?? "");
    stream.gotHead = fields;
    stream.gotEnd = ends;
    if (peer.open.size > peer.own.most((terms) => terms.streams))
      peer.wrong(`${peer.open.size} streams at once`);
    peer.disown(stream);
  }

  #data({ flags, stream: id, payload }: Frame): void {
    const peer = this.#peer;
    peer.receiveWindow -= payload.length;
    if (peer.receiveWindow < 0) peer.wrong("more DATA than the connection's window");
    if (payload.length > 0 && peer.receiveWindow < 40_000 && peer.dice.chance(0.5))
      peer.grant(null, Math.max(payload.length, 65_535 - peer.receiveWindow));
    const stream = peer.all.get(id);
    if (!stream) return peer.wrong(`DATA on stream ${id}, which was never open`);
    if (stream.gotEnd) return peer.wrong(`DATA behind the end of stream ${id}`);
    if (stream.reset) return;
    stream.receiveWindow -= payload.length;
    if (stream.receiveWindow + stream.lowered < 0) peer.wrong(`more DATA than the window of stream ${id}`);
    if (!stream.gotHead) peer.wrong(`DATA before the head of stream ${id}`);
    const isPadded = (flags & bits.padded) !== 0;
    stream.got.push(isPadded ? payload.subarray(1, payload.length - (payload[0] ?? 0)) : payload);
    this.#mayEnd(stream, (flags & bits.endStream) !== 0);
  }

  #mayEnd(stream: PeerStream, ends: boolean): void {
    if (ends) stream.gotEnd = true;
    this.#peer.settle(stream);
  }
}
