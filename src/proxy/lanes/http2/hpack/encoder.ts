// The encoding side of HPACK for relayed blocks: each field is written as its sender wrote it, by index, with or without
// indexing, its strings as they were coded. Only the indices are our own, because blocks that were answered here never
// reach the next peer. Looking up by text is not needed: an entry knows when it was put into our table.

import { FilledPart } from "../../../../core/read-buffers.ts";
import { defaultTableBytes } from "./dynamic-table.ts";
import type { Field } from "./field.ts";
import type { HeaderBlock, Representation } from "./header-block.ts";
import { lastStaticIndex } from "./static-table.ts";

/** Prefix bits and pattern of each literal (RFC 7541 §6.2). */
const literals: Readonly<Record<Exclude<Representation, "indexed">, readonly [bits: number, octet: number]>> =
  {
    incremental: [6, 0x40],
    plain: [4, 0x00],
    never: [4, 0x10],
  };

export class HpackEncoder {
  #entries: Field[] = [];
  #first = 0;
  #usedBytes = 0;
  #maxBytes = defaultTableBytes;
  /** What the peer allows. */
  #allowedBytes = defaultTableBytes;
  /** Smallest size since the last block, where one must be said; -1: nothing to say. */
  #lowest = -1;
  /** Count of entries ever put in; the oldest live one is #next - live. Starts at 1: 0 means never. */
  #next = 1;
  #out = Buffer.allocUnsafe(1_024);
  #at = 0;
  readonly #part = new FilledPart();
  /** The fields of the last block, where writing them again would say the same; else null. */
  #last: readonly Field[] | null = null;

  /** The size that holds from the next block on. */
  get tableBytes(): number {
    return this.#maxBytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  allowTable(bytes: number): void {
    this.#allowedBytes = bytes;
    if (bytes < this.#maxBytes) this.#resize(bytes);
  }

  /** Begins for a peer whose table holds what somebody else put there: the next block empties it (RFC 7541 §4.2). */
  takeOver(allowedBytes: number): void {
    this.reset();
    this.#allowedBytes = allowedBytes;
    this.#maxBytes = Math.min(allowedBytes, defaultTableBytes);
    this.#lowest = 0; // reset() has forgotten the last block
  }

  /** Begins again for a new peer. */
  reset(): void {
    this.#last = null;
    this.#entries = [];
    this.#first = 0;
    this.#usedBytes = 0;
    this.#maxBytes = defaultTableBytes;
    this.#allowedBytes = defaultTableBytes;
    this.#lowest = -1;
  }

  /** The block for our peer; the bytes are valid until the next call. */
  encode(block: HeaderBlock): Buffer {
    if (this.#last === block.fields && block.tableBytes < 0) return this.#part.of(this.#out, this.#at);
    this.#last = block.fields;
    this.#at = 0;
    if (block.tableBytes >= 0) this.#resize(Math.min(block.tableBytes, this.#allowedBytes));
    this.#room(16);
    if (this.#lowest >= 0) this.#sayTableSize();
    const { fields } = block;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (!field) break;
      if (block.coding.as[i] === "indexed") this.#indexed(field);
      else this.#literal(field, block, i);
    }
    return this.#part.of(this.#out, this.#at);
  }

  #resize(bytes: number): void {
    if (bytes === this.#maxBytes) return;
    this.#maxBytes = bytes;
    this.#last = null;
    this.#lowest = this.#lowest < 0 ? bytes : Math.min(this.#lowest, bytes);
    this.#makeRoom(0);
  }

  /** RFC 7541 §4.2: the smallest size in between, then the one that holds. */
  #sayTableSize(): void {
    this.#last = null;
    this.#integer(5, 0x20, this.#lowest);
    if (this.#lowest < this.#maxBytes) this.#integer(5, 0x20, this.#maxBytes);
    this.#lowest = -1;
  }

  #indexed(field: Field): void {
    this.#room(16 + field.name.length + field.value.length);
    const index = this.#indexOf(field);
    if (index > 0) return this.#integer(7, 0x80, index);
    // Our table has lost it, or never had it because the block that brought it was answered here.
    this.#integer(6, 0x40, 0);
    this.#text(field.name);
    this.#text(field.value);
    this.#insert(field);
  }

  #literal(field: Field, { coding, bytes, from }: HeaderBlock, place: number): void {
    const as = coding.as[place] ?? "plain";
    if (as === "indexed") return;
    const namedBy = coding.namedBy[place] ?? null;
    const nameFrom = coding.nameFrom[place] ?? 0;
    const valueFrom = coding.valueFrom[place] ?? 0;
    const valueTo = coding.valueTo[place] ?? 0;
    this.#room(32 + field.name.length + valueTo - nameFrom);
    const [prefix, octet] = literals[as];
    const index = namedBy ? this.#indexOf(namedBy) : 0;
    this.#integer(prefix, octet, index);
    if (!namedBy) this.#copy(bytes, from + nameFrom, from + valueFrom);
    else if (index === 0) this.#text(field.name);
    this.#copy(bytes, from + valueFrom, from + valueTo);
    if (as === "incremental") this.#insert(field);
  }

  #indexOf(field: Field): number {
    if (field.staticIndex > 0) return field.staticIndex;
    const age = this.#next - field.insertedAs;
    return field.insertedAs > 0 && age <= this.#entries.length - this.#first ? lastStaticIndex + age : 0;
  }

  #insert(field: Field): void {
    const size = field.sizeBytes;
    this.#last = null;
    this.#makeRoom(size);
    if (size > this.#maxBytes) return;
    field.insertedAs = this.#next++;
    this.#entries.push(field);
    this.#usedBytes += size;
  }

  #makeRoom(bytes: number): void {
    while (this.#usedBytes > 0 && this.#usedBytes + bytes > this.#maxBytes) {
      this.#usedBytes -= this.#entries[this.#first++]?.sizeBytes ?? 0;
    }
    if (this.#first < 64 || this.#first * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }

  #text(text: string): void {
    this.#integer(7, 0, text.length);
    this.#at += this.#out.write(text, this.#at, "latin1");
  }

  /** Octet by octet: most are few, and a view of them would cost more. */
  #copy(bytes: Uint8Array, from: number, to: number): void {
    const out = this.#out;
    let at = this.#at;
    for (let i = from; i < to; i++) out[at++] = bytes[i] ?? 0;
    this.#at = at;
  }

  #integer(prefix: number, octet: number, value: number): void {
    this.#at = writeInteger(this.#out, this.#at, prefix, octet, value);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#out.length) return;
    const grown = Buffer.allocUnsafe((this.#at + bytes) * 2);
    this.#out.copy(grown, 0, 0, this.#at);
    this.#out = grown;
  }
}

/** RFC 7541 §5.1; returns where it ends. */
export function writeInteger(
  out: Uint8Array,
  at: number,
  prefix: number,
  octet: number,
  value: number,
): number {
  const mask = (1 << prefix) - 1;
  let p = at;
  if (value < mask) {
    out[p++] = octet | value;
    return p;
  }
  out[p++] = octet | mask;
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out[p++] = (rest & 0x7f) | 0x80;
  out[p++] = rest;
  return p;
}
