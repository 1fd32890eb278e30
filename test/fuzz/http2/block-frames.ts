// The frames of one header block: HEADERS with padding or a priority, cut into CONTINUATION anywhere (RFC 9113 §6.2, §6.10).

import { frame, frameTypes } from "../../../src/proxy/lanes/http2/frames.ts";
import type { Dice } from "../dice.ts";

const bits = { endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;
/** What fits into a frame of the smallest size that may be allowed, beside padding and priority. */
const mostBytes = 16_000;
const mostFrames = 20;
const noPriority = Buffer.from([0, 0, 0, 0, 16]);

export function blockFrames(
  stream: number,
  block: Buffer,
  ends: boolean,
  mayPrioritise: boolean,
  dice: Dice,
): Buffer[] {
  const padding = dice.chance(0.2) ? dice.below(20) : -1;
  const isPrioritised = mayPrioritise && dice.chance(0.2);
  const pieces = piecesOf(block, dice);
  return pieces.map((piece, at) => {
    const last = at === pieces.length - 1 ? bits.endHeaders : 0;
    if (at > 0) return frame(frameTypes.continuation, last, stream, piece);
    const front = [padding < 0 ? [] : [padding], isPrioritised ? [...noPriority] : []].flat();
    const payload = Buffer.concat([Buffer.from(front), piece, Buffer.alloc(Math.max(0, padding))]);
    const flags =
      last |
      (ends ? bits.endStream : 0) |
      (padding < 0 ? 0 : bits.padded) |
      (isPrioritised ? bits.priority : 0);
    return frame(frameTypes.headers, flags, stream, payload);
  });
}

function piecesOf(block: Buffer, dice: Dice): Buffer[] {
  const pieces: Buffer[] = [];
  const isCut = dice.chance(0.3);
  let left = block;
  while (left.length > mostBytes || (isCut && left.length > 0 && pieces.length < mostFrames)) {
    const bytes = left.length > 1_000 ? mostBytes : 1 + dice.below(left.length);
    pieces.push(left.subarray(0, bytes));
    left = left.subarray(bytes);
    if (dice.chance(0.05)) pieces.push(Buffer.alloc(0));
  }
  if (left.length > 0 || pieces.length === 0) pieces.push(left);
  return pieces;
}
