// A protobuf message to JSON, as protobuf maps it, but for two things that people ask of JSON: 64-bit integers are numbers
// where a number holds them exactly, and what has no presence is there with its zero.

import type { FieldType, MessageType, Scalar, ValueType } from "./message-type.ts";
import { wellKnown } from "./well-known.ts";
import { type RawField, readFields, readVarint, unzigzag, wireTypes } from "./wire.ts";

const maxDepth = 100;

/** Throws RangeError where the bytes are no message. Unknown fields are left out. */
export function decodeMessage(bytes: Uint8Array, type: MessageType, depth = 0): unknown {
  if (depth > maxDepth) throw new RangeError("messages nested too deep");
  const found = new Map<number, RawField[]>();
  for (const raw of readFields(bytes)) {
    const same = found.get(raw.id);
    if (same) same.push(raw);
    else found.set(raw.id, [raw]);
  }
  const json: Record<string, unknown> = {};
  for (const field of type.fields) {
    const raws = found.get(field.id);
    if (raws) json[field.jsonName] = decodeField(bytes, raws, field, depth);
    else if (!field.presence) json[field.jsonName] = zeroOf(field);
  }
  if (type.name === "google.protobuf.Any") return anyJson(json, type, depth);
  return wellKnown.get(type.name)?.toJson(json) ?? (wellKnown.has(type.name) ? null : json);
}

function zeroOf({ mapKey, repeated, value }: FieldType): unknown {
  if (mapKey !== null) return {};
  if (repeated) return [];
  if (value.kind === "enum") return enumJson(0, value);
  if (value.kind === "message") return null;
  return value.scalar === "bool" ? false : value.scalar === "string" || value.scalar === "bytes" ? "" : 0;
}

function anyJson(json: Record<string, unknown>, type: MessageType, depth: number): unknown {
  const url = String(json.typeUrl ?? "");
  const name = url.slice(url.lastIndexOf("/") + 1);
  const inner = type.find(name);
  if (!inner) return { "@type": url, value: json.value };
  const made = decodeMessage(Buffer.from(String(json.value), "base64"), inner, depth + 1);
  if (wellKnown.has(name) || typeof made !== "object") return { "@type": url, value: made };
  return { "@type": url, ...made };
}

function decodeField(bytes: Uint8Array, raws: readonly RawField[], field: FieldType, depth: number): unknown {
  if (field.mapKey !== null) return decodeMap(bytes, raws, field, field.mapKey, depth);
  if (field.repeated) return raws.flatMap((raw) => decodeElements(bytes, raw, field, depth));
  const { value } = field;
  // Of a message that comes in parts the parts are merged; of anything else the last one counts.
  if (value.kind === "message")
    return decodeMessage(
      Buffer.concat(raws.map(({ from, to }) => bytes.subarray(from, to))),
      value.message,
      depth + 1,
    );
  const last = raws.at(-1);
  return last ? decodeValue(bytes.subarray(last.from, last.to), value, depth) : zeroOf(field);
}

/** A parser takes repeated numbers packed or not, whatever was declared. */
function decodeElements(bytes: Uint8Array, raw: RawField, { value }: FieldType, depth: number): unknown[] {
  const payload = bytes.subarray(raw.from, raw.to);
  if (!isNumber(value) || raw.wireType !== wireTypes.bytes) return [decodeValue(payload, value, depth)];
  return numbersIn(payload, value).map((number) => decodeValue(number, value, depth));
}

/** What may stand packed. */
export function isNumber(value: ValueType): boolean {
  return (
    value.kind === "enum" ||
    (value.kind === "scalar" && value.scalar !== "string" && value.scalar !== "bytes")
  );
}

/** Packed numbers, each with its own bytes. Throws RangeError. */
export function numbersIn(payload: Uint8Array, value: ValueType): Uint8Array[] {
  const items: Uint8Array[] = [];
  const width = widthOf(value);
  for (let at = 0; at < payload.length; ) {
    const end = width === null ? readVarint(payload, at).end : at + width;
    if (end > payload.length) throw new RangeError("a packed number is cut");
    items.push(payload.subarray(at, end));
    at = end;
  }
  return items;
}

/** Octets of a number; null: a varint. */
export function widthOf(value: ValueType): 4 | 8 | null {
  if (value.kind !== "scalar") return null;
  if (value.scalar === "double" || value.scalar.endsWith("fixed64")) return 8;
  return value.scalar === "float" || value.scalar.endsWith("fixed32") ? 4 : null;
}

function decodeMap(
  bytes: Uint8Array,
  raws: readonly RawField[],
  field: FieldType,
  key: Scalar,
  depth: number,
): unknown {
  const entries = raws.map((raw) => {
    const { name, value } = readEntry(bytes.subarray(raw.from, raw.to), key);
    return [name, decodeValue(value ?? new Uint8Array(0), field.value, depth)] as const;
  });
  return Object.fromEntries(entries);
}

/** An entry of a map: its key as JSON has it, and the bytes of its value. */
export function readEntry(
  entry: Uint8Array,
  key: Scalar,
): { readonly name: string; readonly value: Uint8Array | null } {
  let name: unknown = key === "string" ? "" : key === "bool" ? false : 0;
  let value: Uint8Array | null = null;
  for (const { id, from, to } of readFields(entry)) {
    if (id === 1) name = decodeScalar(entry.subarray(from, to), key);
    else if (id === 2) value = entry.subarray(from, to);
  }
  return { name: String(name), value };
}

function decodeValue(bytes: Uint8Array, type: ValueType, depth: number): unknown {
  switch (type.kind) {
    case "message":
      return decodeMessage(bytes, type.message, depth + 1);
    case "enum":
      return enumJson(bytes.length === 0 ? 0 : Number(BigInt.asIntN(32, readVarint(bytes, 0).value)), type);
    case "scalar":
      return decodeScalar(bytes, type.scalar);
    default:
      return type satisfies never;
  }
}

function enumJson(number: number, type: Extract<ValueType, { kind: "enum" }>): unknown {
  if (type.enum.name === "google.protobuf.NullValue") return null;
  return type.enum.names.get(number) ?? number;
}

const text = new TextDecoder();

function decodeScalar(bytes: Uint8Array, scalar: Scalar): unknown {
  if (scalar === "string") return text.decode(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (scalar === "bytes") return buffer.toString("base64");
  if (buffer.length === 0) return scalar === "bool" ? false : 0;
  switch (scalar) {
    case "bool":
      return readVarint(bytes, 0).value !== 0n;
    case "double":
      return floatJson(buffer.readDoubleLE(0));
    case "float":
      return floatJson(shortest(buffer.readFloatLE(0)));
    case "fixed32":
      return buffer.readUInt32LE(0);
    case "sfixed32":
      return buffer.readInt32LE(0);
    case "fixed64":
      return integerJson(buffer.readBigUInt64LE(0));
    case "sfixed64":
      return integerJson(buffer.readBigInt64LE(0));
    default:
      return integerJson(signed(readVarint(bytes, 0).value, scalar));
  }
}

function signed(
  value: bigint,
  scalar: "int32" | "uint32" | "sint32" | "int64" | "uint64" | "sint64",
): bigint {
  switch (scalar) {
    case "int32":
      return BigInt.asIntN(32, value);
    case "uint32":
      return BigInt.asUintN(32, value);
    case "sint32":
      return BigInt.asIntN(32, unzigzag(BigInt.asUintN(32, value)));
    case "int64":
      return BigInt.asIntN(64, value);
    case "uint64":
      return value;
    case "sint64":
      return BigInt.asIntN(64, unzigzag(value));
    default:
      return scalar satisfies never;
  }
}

function integerJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function floatJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** The shortest decimal that is this float: 0.1, not 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 6; digits <= 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
