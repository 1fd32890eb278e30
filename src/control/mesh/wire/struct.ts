// Structs of the wire as tables of fields: a map from field name to value, names in alphabetical order. Reading skips
// unknown fields, leaves missing ones at their defaults, and takes the array form in declaration order too.

import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { WireFault } from "./wire-fault.ts";

/** How one kind of field is written and read. */
export interface Field<T> {
  readonly initial: T;
  write(writer: MsgpackWriter, value: T): void;
  read(reader: MsgpackReader): T;
  /** Left out of the map where this says so. */
  readonly omit?: (value: T) => boolean;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
/** The value of a struct with these fields. */
export type StructOf<S> = S extends Struct<infer T> ? T : never;

export interface Struct<T> {
  /** Everything at its default. */
  readonly initial: Readonly<T>;
  write(writer: MsgpackWriter, value: Readonly<T>): void;
  /** Throws WireFault. Byte fields are views into the input. */
  read(reader: MsgpackReader): T;
  /** A message: the type byte, then the struct. */
  message(type: number, value: Readonly<T>): Buffer;
  /** The struct at `at` in `bytes`; what follows it is not looked at. Throws WireFault. */
  parse(bytes: Buffer, at?: number): T;
}

interface Entry {
  readonly name: string;
  readonly key: Buffer;
  readonly field: Field<unknown>;
}

/** More fields than any struct of the protocol has: a bound on what a peer can make us skip. */
const maxFields = 64;

/** `fields` in the order of declaration (which the array form follows). */
export function struct<T extends object>(fields: { readonly [K in keyof T]: Field<T[K]> }): Struct<T> {
  // Each entry keeps name and codec together, so that a value of the one type meets the codec of that type.
  const declared: readonly Entry[] = Object.entries(fields as Fields).map(([name, field]) => ({
    name,
    field,
    key: keyOf(name),
  }));
  const sorted = declared.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(declared.map((entry) => [entry.name, entry]));
  const initial = Object.fromEntries(declared.map(({ name, field }) => [name, field.initial])) as T;
  const coded: Struct<T> = {
    initial,
    write: (writer, value) => writeStruct(writer, value as Readonly<Record<string, unknown>>, sorted),
    read: (reader) => {
      const value = { ...initial } as Record<string, unknown>;
      if (reader.arrayIsNext) readArray(reader, value, declared);
      else readMap(reader, value, sorted, byName);
      return value as T;
    },
    message(type, value) {
      const writer = new MsgpackWriter();
      writer.byte(type);
      coded.write(writer, value);
      return writer.take();
    },
    parse: (bytes, at = 0) => coded.read(new MsgpackReader(bytes, at)),
  };
  return coded;
}

function writeStruct(
  writer: MsgpackWriter,
  value: Readonly<Record<string, unknown>>,
  sorted: readonly Entry[],
): void {
  let present = 0;
  for (const { name, field } of sorted) if (!field.omit?.(value[name])) present++;
  writer.mapHeader(present);
  for (const { name, key, field } of sorted) {
    if (field.omit?.(value[name])) continue;
    writer.verbatim(key);
    field.write(writer, value[name]);
  }
}

function readMap(
  reader: MsgpackReader,
  value: Record<string, unknown>,
  sorted: readonly Entry[],
  byName: ReadonlyMap<string, Entry>,
): void {
  const count = bounded(reader.mapHeader());
  let expected = 0;
  for (let i = 0; i < count; i++) {
    const next = sorted[expected];
    // Peers write the names in order; then no name has to be made into a string.
    if (next !== undefined && reader.takeExact(next.key)) {
      value[next.name] = next.field.read(reader);
      expected++;
      continue;
    }
    const entry = byName.get(reader.text());
    if (entry === undefined) {
      reader.skip();
      continue;
    }
    value[entry.name] = entry.field.read(reader);
    expected = sorted.indexOf(entry) + 1;
  }
}

function readArray(reader: MsgpackReader, value: Record<string, unknown>, declared: readonly Entry[]): void {
  const count = bounded(reader.arrayHeader());
  for (let i = 0; i < count; i++) {
    const entry = declared[i];
    if (entry === undefined) reader.skip();
    else value[entry.name] = entry.field.read(reader);
  }
}

function bounded(count: number): number {
  if (count > maxFields) throw new WireFault("malformed", `expected a struct, got ${count} fields`);
  return count;
}

function keyOf(name: string): Buffer {
  const writer = new MsgpackWriter(32);
  writer.text(name);
  return writer.take();
}
