// Several messages in one: type byte, count, their lengths, their bytes back to back.

import { messageType } from "./messages.ts";

/** Parts that one compound holds. */
const maxParts = 255;
/** Bytes of the frame, and of each part's length. */
export const compoundOverheadBytes = 2;
export const compoundPartOverheadBytes = 2;

/** One compound of 1 to 255 messages, each of less than 64 KiB; a single message stays as it is. */
export function joinMessages(messages: readonly Buffer[]): Buffer {
  const [only] = messages;
  if (only !== undefined && messages.length === 1) return only;
  const head = Buffer.allocUnsafe(compoundOverheadBytes + messages.length * compoundPartOverheadBytes);
  head[0] = messageType.compound;
  head[1] = messages.length;
  for (const [index, message] of messages.entries())
    head.writeUInt16BE(message.length, compoundOverheadBytes + index * compoundPartOverheadBytes);
  return Buffer.concat([head, ...messages]);
}

/** Compounds for any number of messages. */
export function joinAll(messages: readonly Buffer[]): readonly Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < messages.length; at += maxParts)
    packets.push(joinMessages(messages.slice(at, at + maxParts)));
  return packets;
}

/** The parts of a compound, as views; parts that are not wholly there are left out. null: not even the lengths are. */
export function splitCompound(message: Buffer): readonly Buffer[] | null {
  const count = message[1];
  if (count === undefined) return null;
  let at = compoundOverheadBytes + count * compoundPartOverheadBytes;
  if (at > message.length) return null;
  const parts: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const end = at + message.readUInt16BE(compoundOverheadBytes + i * compoundPartOverheadBytes);
    if (end > message.length) break;
    parts.push(message.subarray(at, end));
    at = end;
  }
  return parts;
}
