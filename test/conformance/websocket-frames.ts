// Frames as a peer writes them, well or badly, bit by bit (RFC 6455 §5.2).

import { deflateRawSync, constants as zlib } from "node:zlib";

export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits: 4 is RSV1. */
  readonly rsv?: number;
  readonly payload?: Buffer | string;
  /** null: not masked. */
  readonly mask?: Buffer | null;
  /** Bytes of the extended length, where not the shortest. */
  readonly lengthBytes?: 0 | 2 | 8;
}

export const key: Buffer = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export function frame(options: FrameOptions = {}): Buffer {
  const { opcode = 1, fin = true, rsv = 0, payload = "", mask = null } = options;
  const plain = Buffer.from(payload);
  const lengthBytes = options.lengthBytes ?? (plain.length < 126 ? 0 : plain.length < 65_536 ? 2 : 8);
  const length = Buffer.alloc(1 + lengthBytes);
  length[0] = (mask ? 0x80 : 0) | (lengthBytes === 0 ? plain.length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) length.writeUInt16BE(plain.length, 1);
  if (lengthBytes === 8) length.writeBigUInt64BE(BigInt(plain.length), 1);
  const body = mask ? plain.map((byte, i) => byte ^ (mask[i % 4] ?? 0)) : plain;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  return Buffer.concat([Buffer.from([first]), length, mask ?? Buffer.alloc(0), body]);
}

/** A frame of a client. */
export function masked(options: FrameOptions = {}): Buffer {
  return frame({ mask: key, ...options });
}

export function closePayload(code: number, reason: Buffer | string = ""): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(code);
  return Buffer.concat([bytes, Buffer.from(reason)]);
}

/** A message as permessage-deflate sends it without a history (RFC 7692 §7.2.1). */
export function deflated(text: string): Buffer {
  const whole = deflateRawSync(text, { finishFlush: zlib.Z_SYNC_FLUSH });
  return whole.subarray(0, whole.length - 4);
}

export interface SeenFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  /** Plain. */
  readonly payload: Buffer;
}

/** Reads whole frames; throws where the bytes end inside one. */
export function framesIn(bytes: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2);
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const length =
      lengthBytes === 2
        ? bytes.readUInt16BE(at + 2)
        : lengthBytes === 8
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    const isMasked = (second & 0x80) !== 0;
    const keyAt = at + 2 + lengthBytes;
    const start = keyAt + (isMasked ? 4 : 0);
    if (start + length > bytes.length) throw new Error(`a frame is cut at ${bytes.length}`);
    const body = Buffer.from(bytes.subarray(start, start + length));
    if (isMasked) for (let i = 0; i < length; i++) body[i] = (body[i] ?? 0) ^ (bytes[keyAt + (i % 4)] ?? 0);
    frames.push({
      opcode: first & 15,
      fin: first >= 128,
      rsv: (first >> 4) & 7,
      masked: isMasked,
      payload: body,
    });
    at = start + length;
  }
  return frames;
}

/** The code of the first close frame; null where there is none. */
export function closeCodeIn(bytes: Buffer): number | null {
  const close = framesIn(bytes).find(({ opcode }) => opcode === 8);
  return close ? (close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0)) : null;
}
