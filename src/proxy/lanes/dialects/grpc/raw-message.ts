// A message as it stands on the wire, for being put elsewhere with all that it holds, unknown fields included.

import { readEntry } from "./decode.ts";
import type { MessageType } from "./message-type.ts";
import { readFields } from "./wire.ts";

/** Stands where JSON of a message may stand. */
export class RawMessage {
  readonly bytes: Uint8Array;
  readonly type: MessageType;

  constructor(bytes: Uint8Array, type: MessageType) {
    this.bytes = bytes;
    this.type = type;
  }
}

/**
 * The message at these names; of a list or a map of messages, such a list or mapping of them. undefined: nothing stands
 * there, or something else than messages. Throws RangeError for damage.
 */
export function rawAt(
  bytes: Uint8Array,
  type: MessageType,
  [name = "", ...rest]: readonly string[],
): RawMessage | readonly RawMessage[] | Readonly<Record<string, RawMessage>> | undefined {
  const field = type.byName(name);
  if (field?.value.kind !== "message") return undefined;
  const inner = field.value.message;
  const parts = readFields(bytes).flatMap(({ id, from, to }) =>
    id === field.id ? [bytes.subarray(from, to)] : [],
  );
  const inside = (part: Uint8Array | undefined, left: readonly string[]) => {
    if (part === undefined) return undefined;
    return left.length === 0 ? new RawMessage(part, inner) : rawAt(part, inner, left);
  };
  const [key, ...deeper] = rest;
  const { mapKey } = field;
  if (mapKey !== null) {
    const entries = parts.map((part) => readEntry(part, mapKey));
    const messages = new Map(entries.map((entry) => [entry.name, entry.value ?? new Uint8Array(0)]));
    if (key !== undefined) return inside(messages.get(key), deeper);
    return Object.fromEntries([...messages].map(([at, value]) => [at, new RawMessage(value, inner)]));
  }
  if (field.repeated)
    return key === undefined
      ? parts.map((part) => new RawMessage(part, inner))
      : inside(parts[Number(key)], deeper);
  return inside(parts.length === 0 ? undefined : Buffer.concat(parts), rest);
}

/** Type, without what stands before its name, and value of an encoded google.protobuf.Any. */
export function anyParts(any: Uint8Array): { readonly type: string; readonly value: Uint8Array } {
  let type = "";
  let value: Uint8Array = Buffer.alloc(0);
  for (const { id, from, to } of readFields(any)) {
    const part = any.subarray(from, to);
    if (id === 1) type = Buffer.from(part).toString();
    else if (id === 2) value = part;
  }
  return { type: type.slice(type.lastIndexOf("/") + 1), value };
}
