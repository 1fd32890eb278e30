// Header blocks in all the forms that HPACK allows (RFC 7541 §6), by an encoder with a dynamic table of its own: what the project
// reads is not written by the project's code.

import type { Dice } from "../dice.ts";

export type Fields = readonly (readonly [name: string, value: string])[];

const entryBytes = 32; // RFC 7541 §4.1
const staticEntries = 61;

export class HpackWriter {
  maxBytes = 4_096;
  readonly #dice: Dice;
  readonly #table: [name: string, value: string][] = [];
  #bytes = 0;
  #updates: number[] = [];

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** To be said in the next block (RFC 7541 §4.2). */
  resize(bytes: number): void {
    this.#updates.push(bytes);
    this.maxBytes = bytes;
    this.#makeRoom(0);
  }

  encode(fields: Fields): Buffer {
    const out: number[] = [];
    this.#sayUpdates(out);
    for (const [name, value] of fields) this.#field(out, name, value);
    return Buffer.from(out);
  }

  /** RFC 7541 §4.2: the smallest size that there was in between, and the last. */
  #sayUpdates(out: number[]): void {
    const last = this.#updates.at(-1);
    if (last === undefined) return;
    const smallest = Math.min(...this.#updates);
    if (smallest < last) integer(out, 5, 0x20, smallest);
    integer(out, 5, 0x20, last);
    this.#updates = [];
  }

  #field(out: number[], name: string, value: string): void {
    const same = this.#table.findIndex(([a, b]) => a === name && b === value);
    if (same >= 0 && this.#dice.chance(0.9)) return integer(out, 7, 0x80, staticEntries + 1 + same);
    const named = this.#table.findIndex(([a]) => a === name);
    const index = named >= 0 && this.#dice.chance(0.8) ? staticEntries + 1 + named : 0;
    const isAdded = this.#dice.chance(0.7);
    if (isAdded) integer(out, 6, 0x40, index);
    else integer(out, 4, this.#dice.chance(0.5) ? 0x10 : 0, index); // never indexed, or not this time
    if (index === 0) string(out, name);
    string(out, value);
    if (isAdded) this.#add(name, value);
  }

  #add(name: string, value: string): void {
    const bytes = name.length + value.length + entryBytes;
    this.#makeRoom(bytes);
    if (bytes > this.maxBytes) return;
    this.#table.unshift([name, value]);
    this.#bytes += bytes;
  }

  #makeRoom(bytes: number): void {
    while (this.#bytes + bytes > this.maxBytes) {
      const oldest = this.#table.pop();
      if (!oldest) return;
      this.#bytes -= oldest[0].length + oldest[1].length + entryBytes;
    }
  }
}

/** RFC 7541 §5.1. */
function integer(out: number[], prefix: number, first: number, value: number): void {
  const most = (1 << prefix) - 1;
  if (value < most) return void out.push(first | value);
  out.push(first | most);
  let left = value - most;
  for (; left >= 128; left = Math.floor(left / 128)) out.push((left & 127) | 128);
  out.push(left);
}

/** RFC 7541 §5.2, as it stands. */
function string(out: number[], text: string): void {
  integer(out, 7, 0, text.length);
  for (const byte of Buffer.from(text, "latin1")) out.push(byte);
}
