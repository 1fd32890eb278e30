// One change to a message on the wire. Everything that the change does not name stays as it came, unknown fields and
// their order included, so that a patch in the middle of two programs loses nothing that only these two know of.

import { isNumber, numbersIn, readEntry, widthOf } from "./decode.ts";
import {
  encodeElement,
  encodeEntry,
  encodeField,
  encodeValue,
  MessageMismatch,
  unknownField,
  withTag,
} from "./encode.ts";
import type { FieldType, MessageType } from "./message-type.ts";
import { wellKnown } from "./well-known.ts";
import { lengthDelimited, type RawField, readFields, wireTypes } from "./wire.ts";

export type Edit = { readonly op: "set" | "insert"; readonly value: unknown } | { readonly op: "remove" };

/** A `test` that does not hold, or a place that is not there: the changes of its patch are not made. */
export class TestFailed extends Error {}

type Names = readonly string[];

/** The message after the change. Throws MessageMismatch where the names or the value do not fit, RangeError for damage. */
export function editMessage(bytes: Uint8Array, type: MessageType, names: Names, edit: Edit): Uint8Array {
  const [name = "", ...inner] = names;
  const field = type.byName(name);
  if (!field) throw new MessageMismatch([name], unknownField(name, type));
  const raws = readFields(bytes);
  const mine = raws.filter(({ id }) => id === field.id);
  if (inner.length === 0) return editField(bytes, raws, mine, field, edit);
  const insideMap = field.mapKey !== null;
  const replaced = insideMap
    ? editEntry(bytes, mine, field, inner, edit)
    : field.repeated
      ? editItem(bytes, mine, field, inner, edit)
      : editInner(bytes, mine, field, inner, edit);
  return put(bytes, raws, field, replaced);
}

function editField(
  bytes: Uint8Array,
  raws: readonly RawField[],
  mine: readonly RawField[],
  field: FieldType,
  edit: Edit,
): Uint8Array {
  if (edit.op === "remove") return mine.length === 0 ? bytes : put(bytes, raws, field, []);
  return put(bytes, raws, field, [encodeField(edit.value, field, [], false)]);
}

/** The new occurrences stand where the first one stood, else at the end; other members of its oneof go. */
function put(
  bytes: Uint8Array,
  raws: readonly RawField[],
  field: FieldType,
  replaced: readonly Uint8Array[] | null,
): Uint8Array {
  if (replaced === null) return bytes;
  const gone = new Set(replaced.length > 0 ? field.oneof : []);
  gone.add(field.id);
  const parts: Uint8Array[] = [];
  let placed = false;
  for (const { id, start, end } of raws) {
    if (!gone.has(id)) parts.push(bytes.subarray(start, end));
    else if (id === field.id && !placed) {
      parts.push(...replaced);
      placed = true;
    }
  }
  if (!placed) parts.push(...replaced);
  return Buffer.concat(parts);
}

function messageOfField(field: FieldType, names: Names): MessageType {
  const { value } = field;
  if (value.kind !== "message" || wellKnown.has(value.message.name))
    throw new MessageMismatch(
      [field.jsonName, ...names],
      `${field.jsonName} has no fields of its own to change`,
    );
  return value.message;
}

/** null: nothing changes. */
function editInner(
  bytes: Uint8Array,
  mine: readonly RawField[],
  field: FieldType,
  names: Names,
  edit: Edit,
): readonly Uint8Array[] | null {
  const type = messageOfField(field, names);
  if (mine.length === 0 && edit.op === "remove") return null;
  const whole = Buffer.concat(mine.map(({ from, to }) => bytes.subarray(from, to)));
  return [withTag(field, wireTypes.bytes, editMessage(whole, type, names, edit))];
}

function editEntry(
  bytes: Uint8Array,
  mine: readonly RawField[],
  field: FieldType,
  [key = "", ...names]: Names,
  edit: Edit,
): readonly Uint8Array[] {
  const mapKey = field.mapKey ?? "string";
  const kept = mine.map(({ start, end }) => bytes.subarray(start, end));
  const index = mine.findLastIndex(
    ({ from, to }) => readEntry(bytes.subarray(from, to), mapKey).name === key,
  );
  const raw = mine[index];
  const entry = raw ? bytes.subarray(raw.from, raw.to) : null;
  const others = kept.filter((_bytes, place) => place !== index);
  if (names.length === 0) {
    if (edit.op === "remove") return others;
    return replaceAt(kept, index, encodeEntry(key, edit.value, field, mapKey, [key]));
  }
  const type = messageOfField(field, names);
  if (entry === null && edit.op === "remove") return kept;
  const value = entry ? (readEntry(entry, mapKey).value ?? Buffer.alloc(0)) : Buffer.alloc(0);
  const edited = lengthDelimited(2, editMessage(value, type, names, edit));
  const rest = entry
    ? readFields(entry).flatMap(({ id, start, end }) => (id === 2 ? [] : [entry.subarray(start, end)]))
    : [keyOfEntry(encodeEntry(key, {}, field, mapKey, [key]))];
  return replaceAt(kept, index, lengthDelimited(field.id, Buffer.concat([...rest, edited])));
}

/** The key, with its tag, of an entry that was encoded just now. */
function keyOfEntry(field: Buffer): Uint8Array {
  const [outer] = readFields(field);
  const entry = outer ? field.subarray(outer.from, outer.to) : field;
  const key = readFields(entry).find(({ id }) => id === 1);
  return key ? entry.subarray(key.start, key.end) : Buffer.alloc(0);
}

function replaceAt(items: readonly Uint8Array[], index: number, item: Uint8Array): readonly Uint8Array[] {
  return index === -1 ? [...items, item] : items.map((old, place) => (place === index ? item : old));
}

function editItem(
  bytes: Uint8Array,
  mine: readonly RawField[],
  field: FieldType,
  [place = "", ...names]: Names,
  edit: Edit,
): readonly Uint8Array[] {
  if (isNumber(field.value)) return editNumber(bytes, mine, field, place, edit);
  const items = mine.map(({ start, end }) => bytes.subarray(start, end));
  const index = placeIn(items.length, place, field, edit);
  if (names.length > 0) {
    const raw = mine[index];
    const inner = raw ? bytes.subarray(raw.from, raw.to) : Buffer.alloc(0);
    const edited = editMessage(inner, messageOfField(field, names), names, edit);
    return replaceAt(items, index, withTag(field, wireTypes.bytes, edited));
  }
  return withItem(items, index, edit, (value) => encodeElement(value, field, [place]));
}

function placeIn(count: number, place: string, field: FieldType, { op }: Edit): number {
  const index = place === "-" ? count : Number(place);
  const last = op === "insert" ? count : count - 1;
  if (!/^(?:-|0|[1-9]\d{0,8})$/.test(place) || index > last)
    throw new TestFailed(`${field.jsonName} has ${count} items, none at ${place}`);
  return index;
}

function withItem(
  items: readonly Uint8Array[],
  index: number,
  edit: Edit,
  encode: (value: unknown) => Uint8Array,
): readonly Uint8Array[] {
  switch (edit.op) {
    case "remove":
      return items.filter((_item, at) => at !== index);
    case "insert":
      return items.toSpliced(index, 0, encode(edit.value));
    case "set":
      return replaceAt(items, index, encode(edit.value));
    default:
      return edit satisfies never;
  }
}

/** Numbers may stand packed, one by one, or both; they stay packed where any was, or where their list is declared so. */
function editNumber(
  bytes: Uint8Array,
  mine: readonly RawField[],
  field: FieldType,
  place: string,
  edit: Edit,
): readonly Uint8Array[] {
  const { value } = field;
  const items = mine.flatMap(({ from, to, wireType }) =>
    wireType === wireTypes.bytes ? numbersIn(bytes.subarray(from, to), value) : [bytes.subarray(from, to)],
  );
  const index = placeIn(items.length, place, field, edit);
  const edited = withItem(items, index, edit, (json) => encodeValue(json, value, [place]).bytes);
  const isPacked =
    mine.length === 0 ? field.packed : mine.some(({ wireType }) => wireType === wireTypes.bytes);
  if (isPacked) return edited.length === 0 ? [] : [lengthDelimited(field.id, Buffer.concat(edited))];
  const width = widthOf(value);
  const wireType = width === 8 ? wireTypes.fixed64 : width === 4 ? wireTypes.fixed32 : wireTypes.varint;
  return edited.map((number) => withTag(field, wireType, number));
}
