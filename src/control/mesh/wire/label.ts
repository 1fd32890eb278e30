// The label of a mesh: a header in clear that keeps meshes on one network apart. Type byte, length, label.

import { UnderstudyError } from "../../../core/errors.ts";
import { messageType } from "./messages.ts";

const maxLabelBytes = 255;

/** The header that precedes everything of a mesh with this label; empty where the label is. Throws `bad_config`. */
export function labelHeader(label: string): Buffer {
  const bytes = Buffer.from(label);
  if (bytes.length > maxLabelBytes)
    throw new UnderstudyError(
      "bad_config",
      `gossip label: expected at most ${maxLabelBytes} bytes, got ${bytes.length}`,
    );
  return bytes.length === 0 ? bytes : Buffer.concat([Buffer.of(messageType.label, bytes.length), bytes]);
}

/** What follows the header; null where another label stands there, or one stands there and none is expected. */
export function withoutLabel(packet: Buffer, header: Buffer): Buffer | null {
  if (header.length === 0) return packet[0] === messageType.label ? null : packet;
  if (packet.length < header.length || packet.compare(header, 0, header.length, 0, header.length) !== 0)
    return null;
  return packet.subarray(header.length);
}
