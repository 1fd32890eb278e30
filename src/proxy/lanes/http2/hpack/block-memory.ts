// Blocks that a decoder has seen of late. A call is often coded as one before it; as long as no table has changed in between,
// the same bytes mean the same fields, and looking at them once was enough.

import type { Field } from "./field.ts";
import type { FieldCoding } from "./header-block.ts";

/** One as its decoder needs it again. */
export interface SeenBlock {
  readonly fields: readonly Field[];
  readonly coding: FieldCoding;
  readonly listBytes: number;
  readonly tooLarge: boolean;
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

  /** bytes[from..to), if it has been seen since the table changed last. */
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

  /** Takes the place of the oldest. False: it is too long. */
  add(bytes: Uint8Array, from: number, to: number, block: SeenBlock): boolean {
    const coded = this.#coded[this.#next];
    if (!coded || to - from > maxBytes) return false;
    for (let i = from; i < to; i++) coded[i - from] = bytes[i] ?? 0;
    this.#lengths[this.#next] = to - from;
    this.#blocks[this.#next] = block;
    this.#next = (this.#next + 1) % places;
    this.#isEmpty = false;
    return true;
  }

  /** The table has changed: what was said by index may mean something else. */
  clear(): void {
    if (this.#isEmpty) return;
    this.#blocks.fill(null);
    this.#isEmpty = true;
  }
}
