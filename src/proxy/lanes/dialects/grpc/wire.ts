// The wire format of protobuf (protobuf.dev/programming-guides/encoding): tags, varints, and the fields of a message as
// they stand there, without knowing what they mean.

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** One field as it stands on the wire. Offsets into the bytes that were read. */
export interface RawField {
  readonly id: number;
  readonly wireType: number;
  /** Of the tag. */
  readonly start: number;
  /** Of the value; behind the length where there is one. */
  readonly from: number;
  /** Behind the value; of a group, before its end tag. */
  readonly to: number;
  /** Where the next field starts. */
  readonly end: number;
}

const maxGroupDepth = 100;

/** The fields in order. Throws RangeError where the bytes are no message. */
export function readFields(bytes: Uint8Array): RawField[] {
  const fields: RawField[] = [];
  for (let at = 0; at < bytes.length; ) {
    const field = readField(bytes, at, 0);
    if (field.wireType === wireTypes.groupEnd) throw new RangeError("a group ends that never began");
    fields.push(field);
    at = field.end;
  }
  return fields;
}

function readField(bytes: Uint8Array, start: number, depth: number): RawField {
  const tag = readVarint(bytes, start);
  const value = Number(tag.value);
  const id = Math.floor(value / 8);
  const wireType = value % 8;
  if (id === 0 || id > 0x1fff_ffff) throw new RangeError(`field number ${id}`);
  const from = tag.end;
  const simple = (to: number, begin = from): RawField => {
    if (to > bytes.length) throw new RangeError(`field ${id} is cut`);
    return { id, wireType, start, from: begin, to, end: to };
  };
  switch (wireType) {
    case wireTypes.varint:
      return simple(readVarint(bytes, from).end);
    case wireTypes.fixed64:
      return simple(from + 8);
    case wireTypes.fixed32:
      return simple(from + 4);
    case wireTypes.bytes: {
      const length = readVarint(bytes, from);
      return simple(length.end + Number(length.value), length.end);
    }
    case wireTypes.groupEnd:
      return simple(from);
    case wireTypes.groupStart:
      return readGroup(bytes, id, start, from, depth);
    default:
      throw new RangeError(`wire type ${wireType}`);
  }
}

function readGroup(bytes: Uint8Array, id: number, start: number, from: number, depth: number): RawField {
  if (depth >= maxGroupDepth) throw new RangeError("groups nested too deep");
  for (let at = from; at < bytes.length; ) {
    const field = readField(bytes, at, depth + 1);
    if (field.wireType === wireTypes.groupEnd) {
      if (field.id !== id) throw new RangeError("a group ends that never began");
      return { id, wireType: wireTypes.groupStart, start, from, to: at, end: field.end };
    }
    at = field.end;
  }
  throw new RangeError("a group without an end");
}

/** At most ten bytes; the value has 64 bits. */
export function readVarint(bytes: Uint8Array, at: number): { readonly value: bigint; readonly end: number } {
  let low = 0;
  let shift = 0;
  let big = 0n;
  for (let i = at; i < at + 10; i++) {
    const byte = bytes[i];
    if (byte === undefined) throw new RangeError("a varint is cut");
    if (shift < 28) low |= (byte & 0x7f) << shift;
    else big |= BigInt(byte & 0x7f) << BigInt(shift);
    if (byte < 0x80) return { value: BigInt.asUintN(64, big | BigInt(low)), end: i + 1 };
    shift += 7;
  }
  throw new RangeError("a varint of more than ten bytes");
}

/** `value`: of 64 bits; negative ones as two's complement. */
export function varint(value: bigint | number): Buffer {
  let left = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (left > 0x7fn) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

export function tag(id: number, wireType: number): Buffer {
  return varint(id * 8 + wireType);
}

/** A field with a length: text, bytes, a message, packed numbers. */
export function lengthDelimited(id: number, value: Uint8Array): Buffer {
  return Buffer.concat([tag(id, wireTypes.bytes), varint(value.length), value]);
}

export function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}

export function unzigzag(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n);
}
