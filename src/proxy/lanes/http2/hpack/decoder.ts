// The decoding side of HPACK (RFC 7541 §3): one per direction of a connection, fed with every block in order.

import { BlockMemory, emptyCoding, type SeenBlock } from "./block-memory.ts";
import { DynamicTable, defaultTableBytes } from "./dynamic-table.ts";
import { Field } from "./field.ts";
import type { HeaderBlock, Representation } from "./header-block.ts";
import { huffmanDecode, maxDecodedBytes } from "./huffman.ts";
import { lastStaticIndex, staticTable } from "./static-table.ts";

/** Why a block could not be decoded; the connection cannot go on (COMPRESSION_ERROR, RFC 9113 §4.3). */
export interface BlockFlaw {
  readonly flaw: string;
}

export interface DecoderLimits {
  /** Octets of one decoded list; what is beyond is not kept. */
  readonly maxListBytes: number;
  readonly maxFields: number;
}

/** Longest integer that is read: seven bits a byte, which is more than any length here. */
const maxIntegerBytes = 4;

/** A literal as it came last under a name of the static table. */
interface Recent {
  /** Its value as coded, length prefix included. */
  readonly coded: Uint8Array;
  readonly field: Field;
}

/** Pseudo-header fields come first in the static table; their values change too often to be remembered. */
const lastPseudoIndex = 14;
/** Longest coded value that is remembered. */
const maxRecentBytes = 64;

export class HpackDecoder {
  readonly #limits: DecoderLimits;
  readonly #table = new DynamicTable();
  #allowedBytes = defaultTableBytes;
  #updateDue = false;
  /** By index. Servers write the same literals in every response: their date, their name, their content type. */
  readonly #recent: (Recent | undefined)[] = [];
  readonly #seen = new BlockMemory();
  #coding = emptyCoding();
  #from = 0;
  #scratch = Buffer.allocUnsafe(256);
  // The block at hand.
  #bytes: Uint8Array = this.#scratch;
  #at = 0;
  #to = 0;
  /** What it has put into the table; null: nothing. */
  #inserted: Field[] | null = null;
  /** The table is no longer what it was before it. */
  #changed = false;
  /** It has looked into the table. */
  #looked = false;

  constructor(limits: DecoderLimits) {
    this.#limits = limits;
  }

  /** What our SETTINGS_HEADER_TABLE_SIZE allows; to be called when the peer has acknowledged it. */
  allowTable(bytes: number): void {
    // RFC 7541 §4.2: an encoder that held more must say at once that it holds less.
    if (bytes < this.#table.maxBytes) this.#updateDue = true;
    this.#allowedBytes = bytes;
  }

  /** Decodes bytes[from..to), one whole block. */
  decode(bytes: Uint8Array, from: number, to: number): HeaderBlock | BlockFlaw {
    const seen = this.#updateDue ? null : this.#seen.find(bytes, from, to);
    if (seen) return this.#again(seen, bytes, from);
    this.#inserted = null;
    this.#changed = false;
    this.#looked = false;
    this.#bytes = bytes;
    this.#from = from;
    this.#at = from;
    this.#to = to;
    const tableBytes = this.#sizeUpdates();
    if (tableBytes === -2) return { flaw: "a dynamic table size update is larger than allowed, or missing" };
    const fields: Field[] = [];
    let listBytes = 0;
    let tooLarge = false;
    while (this.#at < to) {
      // What is too much is written over, and never looked at.
      const field = this.#field(fields.length);
      if (typeof field === "string") return { flaw: field };
      listBytes += field.sizeBytes;
      if (listBytes > this.#limits.maxListBytes || fields.length >= this.#limits.maxFields) tooLarge = true;
      else fields.push(field);
    }
    const fresh: SeenBlock = {
      fields,
      coding: this.#coding,
      listBytes,
      tooLarge,
      inserted: this.#inserted,
      standsAlone: !this.#looked,
    };
    if (tableBytes >= 0) this.#seen.clear();
    else this.#remember(fresh, from);
    return blockOf(fresh, bytes, from, tableBytes);
  }

  /** The same bytes as in an earlier block: they mean the same, and do the same to the table. */
  #again(seen: SeenBlock, bytes: Uint8Array, from: number): HeaderBlock {
    const { inserted } = seen;
    if (inserted !== null) {
      this.#table.insertAgain(inserted);
      this.#seen.tableChanged();
    }
    return blockOf(seen, bytes, from, -1);
  }

  #remember(fresh: SeenBlock, from: number): void {
    if (this.#changed) this.#seen.tableChanged();
    if (this.#changed && this.#looked) return;
    const spare = this.#seen.add(this.#bytes, from, this.#to, fresh);
    if (spare !== null) this.#coding = spare;
  }

  /** RFC 7541 §6.3: only at the beginning of a block. The last size; -1 none, -2 not allowed. */
  #sizeUpdates(): number {
    let size = -1;
    while (this.#at < this.#to && ((this.#bytes[this.#at] ?? 0) & 0xe0) === 0x20) {
      size = this.#integer(5);
      if (size < 0 || size > this.#allowedBytes) return -2;
      this.#table.resize(size);
      this.#updateDue = false;
    }
    return this.#updateDue && this.#at < this.#to ? -2 : size;
  }

  /** `place`: of the field in its block. */
  #field(place: number): Field | string {
    const octet = this.#bytes[this.#at] ?? 0;
    if (octet >= 0x80) {
      const field = this.#entry(this.#integer(7));
      if (!field) return "an index points at no entry";
      this.#note(place, "indexed", null, 0, 0);
      return field;
    }
    if (octet >= 0x40) return this.#literal(place, 6, "incremental");
    if (octet >= 0x20) return "a dynamic table size update stands inside a block";
    return this.#literal(place, 4, octet >= 0x10 ? "never" : "plain");
  }

  #note(place: number, as: Representation, namedBy: Field | null, nameFrom: number, valueFrom: number): void {
    const coding = this.#coding;
    coding.as[place] = as;
    coding.namedBy[place] = namedBy;
    coding.nameFrom[place] = nameFrom - this.#from;
    coding.valueFrom[place] = valueFrom - this.#from;
    coding.valueTo[place] = this.#at - this.#from;
  }

  #literal(place: number, prefix: number, as: Representation): Field | string {
    const index = this.#integer(prefix);
    if (index < 0) return "an integer is too long or incomplete";
    const namedBy = index === 0 ? null : (this.#entry(index) ?? null);
    if (index > 0 && !namedBy) return "an index points at no entry";
    const recent = this.#recent[index];
    if (recent && this.#stands(recent.coded)) {
      const from = this.#at;
      this.#at += recent.coded.length;
      if (as === "incremental") this.#insert(recent.field);
      this.#note(place, as, namedBy, from, from);
      return recent.field;
    }
    const nameFrom = this.#at;
    const name = namedBy ? namedBy.name : this.#string();
    const valueFrom = this.#at;
    const value = name === null ? null : this.#string();
    if (name === null || value === null) return "a string is incomplete or wrongly coded";
    const field = namedBy ? namedBy.withValue(value) : new Field(name, value);
    if (index > lastPseudoIndex && index <= lastStaticIndex && this.#at - valueFrom <= maxRecentBytes)
      this.#recent[index] = {
        coded: Uint8Array.prototype.slice.call(this.#bytes, valueFrom, this.#at),
        field,
      };
    if (as === "incremental") this.#insert(field);
    this.#note(place, as, namedBy, nameFrom, valueFrom);
    return field;
  }

  /** The next bytes are these. A coded string says its length first, so it is the same string. */
  #stands(coded: Uint8Array): boolean {
    if (this.#at + coded.length > this.#to) return false;
    for (let i = 0; i < coded.length; i++) if (this.#bytes[this.#at + i] !== coded[i]) return false;
    return true;
  }

  /** RFC 7541 §5.1; -1 where it is too long or incomplete. */
  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let i = 0; i < maxIntegerBytes && this.#at < this.#to; i++) {
      const octet = this.#bytes[this.#at++] ?? 0;
      value += (octet & 0x7f) << (7 * i);
      if (octet < 0x80) return value;
    }
    return -1;
  }

  /** RFC 7541 §5.2; null where it is incomplete or no valid code. */
  #string(): string | null {
    if (this.#at >= this.#to) return null;
    const coded = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    const to = from + length;
    if (length < 0 || to > this.#to) return null;
    this.#at = to;
    if (!coded) return latin1(this.#bytes, from, to);
    const room = maxDecodedBytes(length);
    if (this.#scratch.length < room) this.#scratch = Buffer.allocUnsafe(room * 2);
    const decoded = huffmanDecode(this.#bytes, from, to, this.#scratch);
    return decoded < 0 ? null : this.#scratch.toString("latin1", 0, decoded);
  }

  /** RFC 7541 §2.3.3. */
  #entry(index: number): Field | undefined {
    if (index <= lastStaticIndex) return index > 0 ? staticTable[index] : undefined;
    this.#looked = true;
    return this.#table.entry(index - lastStaticIndex - 1);
  }

  #insert(field: Field): void {
    if (this.#table.insert(field)) this.#changed = true;
    if (this.#inserted === null) this.#inserted = [field];
    else this.#inserted.push(field);
  }
}

function blockOf(
  { fields, coding, listBytes, tooLarge }: SeenBlock,
  bytes: Uint8Array,
  from: number,
  tableBytes: number,
): HeaderBlock {
  return { bytes, from, fields, coding, listBytes, tooLarge, tableBytes };
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}
