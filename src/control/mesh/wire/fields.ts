// The kinds of fields that the protocol's structs have, each with its bound.

import type { MsgpackReader } from "./msgpack-reader.ts";
import type { MsgpackWriter } from "./msgpack-writer.ts";
import type { Field, Struct } from "./struct.ts";
import { WireFault } from "./wire-fault.ts";

const nothing = Buffer.alloc(0);

/** A whole number from `least` to `most`. */
function wholeNumber(least: number, most: number): Field<number> {
  return {
    initial: 0,
    write: (writer, value) => writer.integer(value),
    read(reader) {
      const value = reader.integer();
      if (value >= least && value <= most) return value;
      throw new WireFault("malformed", `expected a number from ${least} to ${most}, got ${value}`);
    },
  };
}

export const uint8 = wholeNumber(0, 0xff);
export const uint16 = wholeNumber(0, 0xffff);
export const uint32 = wholeNumber(0, 0xffff_ffff);
/** A count, a Lamport time, nanoseconds: what 2^53 holds is enough in practice, and more is refused. */
export const uint53 = wholeNumber(0, Number.MAX_SAFE_INTEGER);
/** Signed, for Go's int64. */
export const int53 = wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

export const text: Field<string> = {
  initial: "",
  write: (writer, value) => writer.text(value),
  read: (reader) => reader.text(),
};

export const bytes: Field<Buffer> = {
  initial: nothing,
  write: (writer, value) => writer.bytes(value),
  read: (reader) => reader.bytes(),
};

/** Bytes that may be nil, which peers write for "none". */
export const bytesOrNil: Field<Buffer | null> = {
  initial: null,
  write: (writer, value) => (value === null ? writer.nil() : writer.bytes(value)),
  read: (reader) => (reader.takeNil() ? null : reader.bytes()),
};

export const flag: Field<boolean> = {
  initial: false,
  write: (writer, value) => writer.boolean(value),
  read: (reader) => reader.boolean(),
};

export const float: Field<number> = {
  initial: 0,
  write: (writer, value) => writer.float(value),
  read: (reader) => reader.float(),
};

/** The same field, left out where it holds its default. */
export function optional<T extends string | number | Buffer>(field: Field<T>): Field<T> {
  return {
    ...field,
    omit: (value) => (Buffer.isBuffer(value) ? value.length === 0 : value === field.initial),
  };
}

/** A list of at most `most` items; nil is empty. */
export function list<T>(item: Field<T>, most: number): Field<readonly T[]> {
  return {
    initial: [],
    write(writer, values) {
      writer.arrayHeader(values.length);
      for (const value of values) item.write(writer, value);
    },
    read(reader) {
      const count = within(reader.arrayHeader(), most);
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(item.read(reader));
      return values;
    },
  };
}

/** A map from text to `item`, of at most `most` pairs; nil is empty. A name that comes twice counts once, the last. */
export function mapOf<T>(item: Field<T>, most: number): Field<ReadonlyMap<string, T>> {
  return {
    initial: new Map(),
    write(writer, values) {
      writer.mapHeader(values.size);
      for (const [name, value] of values) {
        writer.text(name);
        item.write(writer, value);
      }
    },
    read(reader) {
      const count = within(reader.mapHeader(), most);
      const values = new Map<string, T>();
      for (let i = 0; i < count; i++) values.set(reader.text(), item.read(reader));
      return values;
    },
  };
}

/** A struct inside a struct; nil is `null`. */
export function nested<T>(inner: Struct<T>): Field<T | null> {
  return {
    initial: null,
    write: (writer: MsgpackWriter, value) => (value === null ? writer.nil() : inner.write(writer, value)),
    read: (reader: MsgpackReader) => (reader.takeNil() ? null : inner.read(reader)),
  };
}

function within(count: number, most: number): number {
  if (count > most) throw new WireFault("too-large", `expected at most ${most} entries, got ${count}`);
  return count;
}
