// JSON to a protobuf message, against its type: what does not fit is told with its path. Names may be written as declared
// or as JSON has them.

import { nearest } from "../../../../core/nearest.ts";
import type { RulePath } from "../../../../core/rule-problem.ts";
import type { EnumType, FieldType, MessageType, Scalar, ValueType } from "./message-type.ts";
import { RawMessage } from "./raw-message.ts";
import { wellKnown } from "./well-known.ts";
import { lengthDelimited, tag, varint, wireTypes, zigzag } from "./wire.ts";

/** JSON that does not fit its message. */
export class MessageMismatch extends Error {
  /** From the message. */
  readonly path: RulePath;

  constructor(path: RulePath, message: string) {
    super(message);
    this.path = path;
  }
}

const maxDepth = 100;

/** Throws MessageMismatch. null and what is left out stay unset; fields are written by number. */
export function encodeMessage(json: unknown, type: MessageType, path: RulePath = []): Buffer {
  if (path.length > maxDepth) throw new MessageMismatch(path, "expected less nesting");
  const fields = fieldsOf(json, type, path);
  const known = new Map<FieldType, string>();
  for (const [name, value] of Object.entries(fields)) {
    const field = type.byName(name);
    if (!field) throw new MessageMismatch([...path, name], unknownField(name, type));
    if (value !== null || takesNull(field)) known.set(field, name);
  }
  const parts: Buffer[] = [];
  for (const field of type.fields) {
    const name = known.get(field);
    if (name === undefined) continue;
    const twin = field.oneof.find(
      (id) => id !== field.id && [...known.keys()].some((other) => other.id === id),
    );
    if (twin !== undefined)
      throw new MessageMismatch(
        [...path, name],
        `expected either ${field.jsonName} or ${type.byId(twin)?.jsonName}, got both: they are one choice`,
      );
    parts.push(encodeField(fields[name], field, [...path, name], false));
  }
  return Buffer.concat(parts);
}

/** `unknown field "nam" of demo.Hello, did you mean "name"?` */
export function unknownField(name: string, type: MessageType): string {
  const names = type.fields.map((field) => field.jsonName);
  const meant = nearest(name, [...names, ...type.fields.map((field) => field.name)]);
  const known = names.length === 0 ? "it has none" : `known there: ${names.slice(0, 20).join(", ")}`;
  const hint = meant === undefined ? `; ${known}` : `, did you mean "${meant}"?`;
  return `unknown field ${JSON.stringify(name)} of ${type.name}${hint}`;
}

function takesNull({ value }: FieldType): boolean {
  if (value.kind === "message") return value.message.name === "google.protobuf.Value";
  return value.kind === "enum" && value.enum.name === "google.protobuf.NullValue";
}

function fieldsOf(json: unknown, type: MessageType, path: RulePath): Readonly<Record<string, unknown>> {
  if (type.name === "google.protobuf.Any") return anyFields(json, type, path);
  const special = wellKnown.get(type.name);
  if (special === undefined) return mappingOf(json, `the fields of ${type.name}`, path);
  try {
    return special.toFields(json);
  } catch (thrown) {
    throw new MessageMismatch(path, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function mappingOf(json: unknown, what: string, path: RulePath): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw mismatch(path, `a mapping: ${what}`, json);
  return json as Readonly<Record<string, unknown>>; // it is an object of JSON
}

function anyFields(json: unknown, type: MessageType, path: RulePath): Readonly<Record<string, unknown>> {
  const { "@type": url, ...rest } = mappingOf(json, "a message with @type", path);
  if (typeof url !== "string") throw mismatch([...path, "@type"], "a type such as google.rpc.ErrorInfo", url);
  const name = url.slice(url.lastIndexOf("/") + 1);
  const inner = type.find(name);
  if (!inner) throw new MessageMismatch([...path, "@type"], `no descriptor of ${name} is known`);
  const bytes = encodeMessage(wellKnown.has(name) ? rest.value : rest, inner, path);
  return { typeUrl: url.includes("/") ? url : `type.googleapis.com/${url}`, value: bytes.toString("base64") };
}

/** The field with its tag, as often as it is repeated. `keepsZero`: zero is written even where that means unset. */
export function encodeField(json: unknown, field: FieldType, path: RulePath, keepsZero: boolean): Buffer {
  if (field.mapKey !== null) return encodeMap(json, field, field.mapKey, path);
  if (field.repeated) return encodeRepeated(json, field, path);
  const { bytes, wireType, isZero } = encodeValue(json, field.value, path);
  if (isZero && !field.presence && !keepsZero) return Buffer.alloc(0);
  return withTag(field, wireType, bytes);
}

/** One element of a repeated field, or the only value of another, with its tag. */
export function encodeElement(json: unknown, field: FieldType, path: RulePath): Buffer {
  const { bytes, wireType } = encodeValue(json, field.value, path);
  return withTag(field, wireType, bytes);
}

/** A value of a field with its tag. */
export function withTag(field: FieldType, wireType: number, bytes: Uint8Array): Buffer {
  if (field.delimited && wireType === wireTypes.bytes)
    return Buffer.concat([tag(field.id, wireTypes.groupStart), bytes, tag(field.id, wireTypes.groupEnd)]);
  if (wireType === wireTypes.bytes) return lengthDelimited(field.id, bytes);
  return Buffer.concat([tag(field.id, wireType), bytes]);
}

function encodeRepeated(json: unknown, field: FieldType, path: RulePath): Buffer {
  if (!Array.isArray(json)) throw mismatch(path, `a list: ${field.jsonName} is repeated`, json);
  const items: readonly unknown[] = json;
  const encoded = items.map((item, index) => encodeValue(item, field.value, [...path, index]));
  const isPacked = field.packed && encoded[0]?.wireType !== wireTypes.bytes;
  if (!isPacked) return Buffer.concat(encoded.map(({ bytes, wireType }) => withTag(field, wireType, bytes)));
  return items.length === 0
    ? Buffer.alloc(0)
    : lengthDelimited(field.id, Buffer.concat(encoded.map(({ bytes }) => bytes)));
}

function encodeMap(json: unknown, field: FieldType, key: Scalar, path: RulePath): Buffer {
  const entries = Object.entries(mappingOf(json, `${field.jsonName} is a map`, path));
  return Buffer.concat(entries.map(([name, value]) => encodeEntry(name, value, field, key, [...path, name])));
}

/** One entry of a map, with its tag. */
export function encodeEntry(
  name: string,
  json: unknown,
  field: FieldType,
  key: Scalar,
  path: RulePath,
): Buffer {
  const isWord = key === "bool" && (name === "true" || name === "false");
  const left = encodeScalar(isWord ? name === "true" : name, key, path);
  const right = encodeValue(json, field.value, path);
  const part = (id: number, { bytes, wireType }: Encoded) =>
    wireType === wireTypes.bytes ? lengthDelimited(id, bytes) : Buffer.concat([tag(id, wireType), bytes]);
  return lengthDelimited(field.id, Buffer.concat([part(1, left), part(2, right)]));
}

export interface Encoded {
  /** Without tag and length. */
  readonly bytes: Buffer;
  readonly wireType: number;
  readonly isZero: boolean;
}

/** One value, without its tag. Throws MessageMismatch. */
export function encodeValue(json: unknown, type: ValueType, path: RulePath): Encoded {
  switch (type.kind) {
    case "message":
      return { bytes: messageBytes(json, type.message, path), wireType: wireTypes.bytes, isZero: false };
    case "enum": {
      const number = enumNumber(json, type.enum, path);
      return { bytes: varint(number), wireType: wireTypes.varint, isZero: number === 0 };
    }
    case "scalar":
      return encodeScalar(json, type.scalar, path);
    default:
      return type satisfies never;
  }
}

function messageBytes(json: unknown, type: MessageType, path: RulePath): Buffer {
  if (!(json instanceof RawMessage)) return encodeMessage(json, type, path);
  if (json.type === type) return Buffer.from(json.bytes);
  throw new MessageMismatch(path, `expected ${type.name}, got ${json.type.name}`);
}

function enumNumber(json: unknown, type: EnumType, path: RulePath): number {
  if (json === null && type.name === "google.protobuf.NullValue") return 0;
  if (typeof json === "number" && Number.isInteger(json) && Math.abs(json) <= 0x8000_0000) return json;
  const names = Object.keys(type.numbers);
  if (typeof json !== "string") throw mismatch(path, `one of ${names.slice(0, 20).join(", ")}`, json);
  const number = type.numbers[json];
  if (number !== undefined && Object.hasOwn(type.numbers, json)) return number;
  const meant = nearest(json, names);
  const hint =
    meant === undefined ? `; known there: ${names.slice(0, 20).join(", ")}` : `, did you mean "${meant}"?`;
  throw new MessageMismatch(path, `unknown value ${JSON.stringify(json)} of ${type.name}${hint}`);
}

function encodeScalar(json: unknown, scalar: Scalar, path: RulePath): Encoded {
  switch (scalar) {
    case "string":
      if (typeof json !== "string") throw mismatch(path, "text", json);
      return { bytes: Buffer.from(json), wireType: wireTypes.bytes, isZero: json === "" };
    case "bytes": {
      if (typeof json !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(json))
        throw mismatch(path, "bytes in base64", json);
      const bytes = Buffer.from(json, "base64");
      return { bytes, wireType: wireTypes.bytes, isZero: bytes.length === 0 };
    }
    case "bool":
      if (typeof json !== "boolean") throw mismatch(path, "true or false", json);
      return { bytes: varint(json ? 1 : 0), wireType: wireTypes.varint, isZero: !json };
    case "double":
    case "float":
      return encodeFloat(json, scalar, path);
    default:
      return encodeInteger(json, scalar, path);
  }
}

function encodeFloat(json: unknown, scalar: "double" | "float", path: RulePath): Encoded {
  const isWord = json === "NaN" || json === "Infinity" || json === "-Infinity";
  const isNumeral = typeof json === "string" && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(json);
  if (typeof json !== "number" && !isWord && !isNumeral) throw mismatch(path, "a number", json);
  const value = Number(json);
  const bytes = Buffer.alloc(scalar === "double" ? 8 : 4);
  if (scalar === "double") bytes.writeDoubleLE(value);
  else bytes.writeFloatLE(value);
  const wireType = scalar === "double" ? wireTypes.fixed64 : wireTypes.fixed32;
  return { bytes, wireType, isZero: Object.is(value, 0) };
}

type Integer = Exclude<Scalar, "string" | "bytes" | "bool" | "double" | "float">;

function encodeInteger(json: unknown, scalar: Integer, path: RulePath): Encoded {
  const value = integerOf(json);
  const bits = scalar.endsWith("32") ? 32 : 64;
  const isSigned = !scalar.startsWith("u") && !scalar.startsWith("fixed");
  const fits =
    value !== null && (isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value;
  if (!fits)
    throw mismatch(path, `a whole number of ${bits} bits${isSigned ? "" : " from 0"} (${scalar})`, json);
  const isZero = value === 0n;
  if (!scalar.includes("fixed")) {
    const coded = scalar.startsWith("sint") ? zigzag(value) : value;
    return { bytes: varint(coded), wireType: wireTypes.varint, isZero };
  }
  const bytes = Buffer.alloc(bits / 8);
  if (bits === 32) bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)));
  else bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return { bytes, wireType: bits === 32 ? wireTypes.fixed32 : wireTypes.fixed64, isZero };
}

function integerOf(json: unknown): bigint | null {
  if (typeof json === "bigint") return json;
  if (typeof json === "number") return Number.isSafeInteger(json) ? BigInt(json) : null;
  return typeof json === "string" && /^-?\d{1,20}$/.test(json) ? BigInt(json) : null;
}

function mismatch(path: RulePath, what: string, json: unknown): MessageMismatch {
  const got = json === undefined ? "nothing" : (JSON.stringify(json)?.slice(0, 200) ?? String(json));
  return new MessageMismatch(path, `expected ${what}, got ${got}`);
}
