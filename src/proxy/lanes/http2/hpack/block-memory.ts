// Blocks that a decoder has seen of late. A call is often coded as one before it, and looking at the same bytes once was
// enough: those that refer to the dynamic table mean the same as long as it has not changed, all others always do.

import type { Field } from "./field.ts";
import type { Representation } from "./header-block.ts";

/** What the decoder fills of a FieldCoding. */
export interface Coding {
  readonly as: Representation[];
  readonly namedBy: (Field | null)[];
  readonly nameFrom: number[];
  readonly valueFrom: number[];
  readonly valueTo: number[];
}

export function emptyCoding(): Coding {
  return { as: [], namedBy: [], nameFrom: [], valueFrom: [], valueTo: [] };
}

/** One as its decoder needs it again. */
export interface SeenBlock {
  readonly fields: readonly Field[];
  readonly coding: Coding;
  readonly listBytes: number;
  readonly tooLarge: boolean;
  /** What it puts into the table, in this order; null: nothing. */
  readonly inserted: readonly Field[] | null;
  /** Nothing of it refers to the dynamic table. */
  readonly standsAlone: boolean;
}

/** The head, the trailers and a few that differ from call to call. */
const places = 4;
/** Longest block that is remembered. */
const maxBytes = 256;

export class BlockMemory {
  readonly #coded = Array.from({ length: places }, () => new Uint8Array(maxBytes));
  readonly #lengths = new Int32Array(places);
  readonly #blocks: (SeenBlock | null)[] = new Array(places).fill(null);
  #next = 0;
  #isEmpty = true;
  /** All that are kept stand alone. */
  #areAlone = true;

  /** bytes[from..to), if it has been seen and still means the same. */
  find(bytes: Uint8Array, from: number, to: number): SeenBlock | null {
    if (this.#isEmpty) return null;
    const length = to - from;
    for (let place = 0; place < places; place++) {
      const block = this.#blocks[place];
      if (block && this.#lengths[place] === length && this.#stands(place, bytes, from, length)) return block;
    }
    return null;
  }

  #stands(place: number, bytes: Uint8Array, from: number, length: number): boolean {
    const coded = this.#coded[place];
    if (!coded) return false;
    // From its end: blocks of one connection begin alike.
    for (let i = length - 1; i >= 0; i--) if (coded[i] !== bytes[from + i]) return false;
    return true;
  }

  /** Takes the place of the oldest. Answers a coding that nobody needs any more; null: the block is too long to be kept. */
  add(bytes: Uint8Array, from: number, to: number, block: SeenBlock): Coding | null {
    const place = this.#next;
    const coded = this.#coded[place];
    if (!coded || to - from > maxBytes) return null;
    for (let i = from; i < to; i++) coded[i - from] = bytes[i] as number; // i is below to
    this.#lengths[place] = to - from;
    const spare = this.#blocks[place]?.coding ?? emptyCoding();
    this.#blocks[place] = block;
    this.#next = (place + 1) % places;
    this.#isEmpty = false;
    this.#areAlone &&= block.standsAlone;
    return spare;
  }

  /** What was said by index may mean something else. */
  tableChanged(): void {
    if (this.#areAlone) return;
    for (let place = 0; place < places; place++)
      if (this.#blocks[place]?.standsAlone === false) this.#blocks[place] = null;
    this.#areAlone = true;
  }

  /** The table has another size, which decides what blocks do to it. */
  clear(): void {
    if (this.#isEmpty) return;
    this.#blocks.fill(null);
    this.#isEmpty = true;
    this.#areAlone = true;
  }
}
