// The dynamic table of a decoder (RFC 7541 §2.3.2, §4): the newest entry has the lowest index. A ring, since servers write some
// fields into it with every response.

import { entryOverheadBytes, type Field } from "./field.ts";

/** Until a peer's SETTINGS say otherwise (RFC 9113 §6.5.2). */
export const defaultTableBytes = 4_096;

/** Places at first; a power of two, as always. An entry costs 32 octets at least, so the table's size bounds them. */
const firstPlaces = 16;

export class DynamicTable {
  #ring: (Field | null)[] = new Array(firstPlaces).fill(null);
  /** Entries that were ever inserted; the newest stands right before this place. */
  #inserted = 0;
  #count = 0;
  #usedBytes = 0;
  #maxBytes = defaultTableBytes;
  /** Fields that are to be inserted so many times before the table is looked at or changed again. */
  #late: readonly Field[] = [];
  #lateTimes = 0;

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Entries that have no room any more are dropped. */
  resize(maxBytes: number): void {
    this.#settle();
    this.#maxBytes = maxBytes;
    this.#makeRoom(0);
  }

  /** 0: the newest. */
  entry(index: number): Field | undefined {
    if (this.#lateTimes > 0) this.#settle();
    if (index < 0 || index >= this.#count) return undefined;
    return this.#at(index) ?? undefined;
  }

  #at(index: number): Field | null {
    return this.#ring[(this.#inserted - 1 - index) & (this.#ring.length - 1)] ?? null;
  }

  /** RFC 7541 §4.4: one that is larger than the table empties it, and is not an error. False: the table is as it was. */
  insert(field: Field): boolean {
    if (this.#lateTimes > 0) this.#settle();
    return this.#insert(field);
  }

  /**
   * Inserts all of a list that has been inserted before. There are servers that insert the same with every response and never
   * refer to it, so it is only noted, and done when somebody looks.
   */
  insertAgain(fields: readonly Field[]): void {
    if (fields !== this.#late) this.#settle();
    this.#late = fields;
    this.#lateTimes++;
  }

  #settle(): void {
    // Once they have filled the table, it is the same after every further time.
    const most = Math.floor(this.#maxBytes / entryOverheadBytes) + 1;
    const times = Math.min(this.#lateTimes, most);
    this.#lateTimes = 0;
    for (let time = 0; time < times; time++) for (const field of this.#late) this.#insert(field);
  }

  #insert(field: Field): boolean {
    const size = field.sizeBytes;
    if (size > this.#maxBytes && this.#count === 0) return false;
    this.#makeRoom(size);
    if (size > this.#maxBytes) return true;
    if (this.#count === this.#ring.length) this.#widen();
    this.#ring[this.#inserted & (this.#ring.length - 1)] = field;
    this.#inserted = (this.#inserted + 1) & 0x3fff_ffff;
    this.#count++;
    this.#usedBytes += size;
    return true;
  }

  #makeRoom(bytes: number): void {
    const mask = this.#ring.length - 1;
    while (this.#count > 0 && this.#usedBytes + bytes > this.#maxBytes) {
      const oldest = (this.#inserted - this.#count) & mask;
      this.#usedBytes -= this.#ring[oldest]?.sizeBytes ?? 0;
      this.#ring[oldest] = null;
      this.#count--;
    }
  }

  #widen(): void {
    const oldestFirst: (Field | null)[] = [];
    for (let index = this.#count - 1; index >= 0; index--) oldestFirst.push(this.#at(index));
    this.#ring = [...oldestFirst, ...new Array<null>(oldestFirst.length).fill(null)];
    this.#inserted = this.#count;
  }
}
