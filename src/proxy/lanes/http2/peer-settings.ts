// SETTINGS of a peer (RFC 9113 §6.5): read, checked, kept, and carried on with the bounds that we add: a header table that we
// keep, and no values of fields that HTTP does not allow.

import type { FrameFlaw } from "./frame-flaw.ts";
import {
  defaultFrameBytes,
  defaultWindowBytes,
  errorCodes,
  maxWindowBytes,
  settingsFrame,
} from "./frames.ts";
import { defaultTableBytes } from "./hpack/dynamic-table.ts";

const ids = {
  tableBytes: 1,
  enablePush: 2,
  maxStreams: 3,
  windowBytes: 4,
  frameBytes: 5,
  connectProtocol: 8,
  /** github.com/grpc/grpc: metadata of `-bin` names may come as bytes. Both ends offer it that are gRPC's C core. */
  trueBinaryMetadata: 0xfe03,
} as const;
/** The largest dynamic table that we keep for a peer; a larger one is announced as this. */
const maxTableBytes = 65_536;
/** Parameters that are kept for a later link; a peer that sends more of different ones sends nonsense. */
const maxKinds = 64;

/** What the two ends may agree on at most with us between them. */
function mostOf(id: number): number {
  if (id === ids.tableBytes) return maxTableBytes;
  return id === ids.trueBinaryMetadata ? 0 : Number.POSITIVE_INFINITY;
}

export class PeerSettings {
  tableBytes = defaultTableBytes;
  windowBytes = defaultWindowBytes;
  frameBytes = defaultFrameBytes;
  /** Streams that we may have open at once (RFC 9113 §5.1.2). */
  maxStreams = Number.POSITIVE_INFINITY;
  readonly said = new Map<number, number>();
  /** The smallest table there was so far. */
  #leastTableBytes = defaultTableBytes;

  /**
   * SETTINGS frames that say everything said so far to a new peer. A table that was smaller in between has one of its own:
   * the first block of the peer must say it (RFC 7541 §4.2).
   */
  get forNewPeer(): readonly Buffer[] {
    const all = settingsFrame(this.said);
    if (this.#leastTableBytes >= Math.min(this.tableBytes, defaultTableBytes)) return [all];
    return [settingsFrame([[ids.tableBytes, this.#leastTableBytes]]), all];
  }

  /** RFC 9113 §6.5.2: a client's; a server must never say so. */
  get saysPush(): boolean {
    return this.said.get(ids.enablePush) === 1;
  }

  get refusesPush(): boolean {
    return this.said.get(ids.enablePush) === 0;
  }

  /** RFC 8441 §3 */
  get takesConnectProtocol(): boolean {
    return this.said.get(ids.connectProtocol) === 1;
  }

  /** Takes bytes[from..to) over. null: nothing is wrong with it. What is beyond our bounds is lowered in place. */
  take(bytes: Buffer, from: number, to: number): FrameFlaw | null {
    if ((to - from) % 6 !== 0) return { code: errorCodes.frameSize, reason: "SETTINGS of a wrong length" };
    for (let at = from; at < to; at += 6) {
      const id = bytes.readUInt16BE(at);
      let value = bytes.readUInt32BE(at + 2);
      if (value > mostOf(id)) {
        value = mostOf(id);
        bytes.writeUInt32BE(value, at + 2);
      }
      const flaw = this.#set(id, value);
      if (flaw) return flaw;
    }
    return null;
  }

  #set(id: number, value: number): FrameFlaw | null {
    if (id === ids.tableBytes) {
      this.tableBytes = value;
      this.#leastTableBytes = Math.min(value, this.#leastTableBytes);
    } else if (id === ids.maxStreams) this.maxStreams = value;
    else if (id === ids.enablePush && value > 1)
      return { code: errorCodes.protocol, reason: `SETTINGS_ENABLE_PUSH of ${value}` };
    else if (id === ids.connectProtocol && value > 1)
      // RFC 8441 §3
      return { code: errorCodes.protocol, reason: `SETTINGS_ENABLE_CONNECT_PROTOCOL of ${value}` };
    else if (id === ids.windowBytes) {
      if (value > maxWindowBytes)
        return { code: errorCodes.flowControl, reason: `SETTINGS_INITIAL_WINDOW_SIZE of ${value}` };
      this.windowBytes = value;
    } else if (id === ids.frameBytes) {
      if (value < defaultFrameBytes || value > 0xff_ffff)
        return { code: errorCodes.protocol, reason: `SETTINGS_MAX_FRAME_SIZE of ${value}` };
      this.frameBytes = value;
    }
    if (this.said.size < maxKinds || this.said.has(id)) this.said.set(id, value);
    return null;
  }
}

/** SETTINGS of ours that offer extended CONNECT (RFC 8441 §3), or none. */
export function ownSettings(offersConnectProtocol: boolean): Buffer {
  return settingsFrame(offersConnectProtocol ? [[ids.connectProtocol, 1]] : []);
}

/** The SETTINGS in bytes[from..to) with that offer in them; null where it stands there already. */
export function withConnectProtocol(bytes: Buffer, from: number, to: number): Buffer | null {
  const pairs: [number, number][] = [];
  let said = -1;
  for (let at = from; at < to; at += 6) {
    const id = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (id === ids.connectProtocol) said = value;
    else pairs.push([id, value]);
  }
  return said === 1 ? null : settingsFrame([...pairs, [ids.connectProtocol, 1]]);
}
