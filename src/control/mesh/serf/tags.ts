// What a member says about itself, in its meta: a marker byte, then a map from name to text. Without the marker the whole
// meta is the role, as very old agents send it.

import { UnderstudyError } from "../../../core/errors.ts";
import { maxMetaBytes } from "../swim/member.ts";
import { MsgpackReader } from "../wire/msgpack-reader.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { tagsField } from "../wire/serf-messages.ts";
import { attempt } from "../wire/wire-fault.ts";

export type Tags = ReadonlyMap<string, string>;

const marker = 0xff;

/** Throws `bad_message` where the tags need more than the 512 bytes that every member carries around. */
export function encodeTags(tags: Tags): Buffer {
  const writer = new MsgpackWriter();
  writer.byte(marker);
  tagsField.write(writer, tags);
  const meta = writer.take();
  if (meta.length <= maxMetaBytes) return meta;
  throw new UnderstudyError(
    "bad_message",
    `gossip tags: expected at most ${maxMetaBytes} bytes when encoded, got ${meta.length}`,
  );
}

/** No tags where the meta makes no sense. */
export function decodeTags(meta: Buffer): Tags {
  if (meta[0] !== marker) return meta.length === 0 ? new Map() : new Map([["role", meta.toString("utf8")]]);
  const tags = attempt(() => tagsField.read(new MsgpackReader(meta, 1)));
  return typeof tags === "string" ? new Map() : tags;
}
