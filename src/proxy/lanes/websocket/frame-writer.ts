// Writes the frames that we originate: one frame a message, masked where they go to a server (RFC 6455 §5.2, §5.3).

import { randomFillSync } from "node:crypto";
import type { Payload } from "../../../core/payload.ts";
import { opcodes } from "./frame-header.ts";

/** One whole frame in a Buffer of its own; `payload` is copied. `masked`: towards an upstream. */
export function encodeFrame(
  opcode: number,
  payload: Uint8Array,
  masked: boolean,
  compressed = false,
): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const keyAt = 2 + lengthBytes;
  const start = masked ? keyAt + 4 : keyAt;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = 0x80 | (compressed ? 0x40 : 0) | opcode;
  frame[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(payload, start);
  if (!masked) return frame;
  // §10.3: the key must not be predictable for whoever chose the payload.
  randomFillSync(frame, keyAt, 4);
  for (let i = 0; i < length; i++) frame[start + i] = (frame[start + i] ?? 0) ^ (frame[keyAt + (i & 3)] ?? 0);
  return frame;
}

/** A whole message in one frame. */
export function encodeMessage({ binary, bytes }: Payload, masked: boolean, compressed = false): Buffer {
  return encodeFrame(binary ? opcodes.binary : opcodes.text, bytes, masked, compressed);
}

/** A close frame; a `reason` beyond 123 bytes is cut at a character (§5.5.1). */
export function encodeClose(code: number, reason: string, masked: boolean): Buffer {
  let text = Buffer.from(reason, "utf8");
  if (text.length > 123) {
    let end = 123;
    while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) end--;
    text = text.subarray(0, end);
  }
  const payload = Buffer.allocUnsafe(2 + text.length);
  payload.writeUInt16BE(code, 0);
  payload.set(text, 2);
  return encodeFrame(opcodes.close, payload, masked);
}
