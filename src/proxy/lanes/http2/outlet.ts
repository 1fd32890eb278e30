// Bytes on their way out of one side: small pieces gather into one write, large ones go as they are. What is put in from
// aside waits until no frame is half-way through.

import { FilledPart } from "../../../core/read-buffers.ts";
import { flags, frameHeadBytes, frameTypes, headerFrames, writeFrameHead } from "./frames.ts";

const slabBytes = 65_536;
/** Pieces up to this size are worth copying. */
const copyBytes = 8_192;
/** Pieces up to this size are copied by hand. */
const fewBytes = 64;
const noBytes = new Uint8Array(0);

export class Outlet {
  readonly #write: (bytes: Buffer) => boolean;
  readonly #part = new FilledPart();
  #slab: Buffer | null = null;
  #from = 0;
  #at = 0;
  #aside: Buffer[] = [];

  /** `write` answers true where no byte that it was ever given is in use any longer: their place serves again. */
  constructor(write: (bytes: Buffer) => boolean) {
    this.#write = write;
  }

  /** Puts bytes[from..to) behind everything added before. */
  add(bytes: Buffer, from = 0, to = bytes.length): void {
    const length = to - from;
    if (length > copyBytes) {
      this.flush();
      this.#write(length === bytes.length ? bytes : bytes.subarray(from, to));
      return;
    }
    this.#copy(this.#room(length), bytes, from, to);
  }

  /** The same for bytes that were read: those of a read that passes whole are written as they came. */
  pass(bytes: Buffer, from: number, to: number): void {
    if (to - from === bytes.length && this.#at === this.#from) this.#write(bytes);
    else this.add(bytes, from, to);
  }

  /** Puts a header block behind everything added before, as one frame where it fits. `before`: what precedes it. */
  addBlock(stream: number, flagBits: number, block: Uint8Array, before: Uint8Array = noBytes): void {
    const length = before.length + block.length;
    if (length > copyBytes) return this.add(headerFrames(stream, flagBits, block, before));
    const slab = this.#room(frameHeadBytes + length);
    writeFrameHead(slab, this.#at, length, frameTypes.headers, flagBits | flags.endHeaders, stream);
    this.#at += frameHeadBytes;
    this.#copy(slab, before, 0, before.length);
    this.#copy(slab, block, 0, block.length);
  }

  /** Octet by octet where they are few: a call out of our code costs more. */
  #copy(slab: Buffer, bytes: Uint8Array, from: number, to: number): void {
    let at = this.#at;
    if (to - from <= fewBytes)
      for (let i = from; i < to; i++) slab[at++] = bytes[i] as number; // i is below to
    else {
      slab.set(to - from === bytes.length ? bytes : bytes.subarray(from, to), at);
      at += to - from;
    }
    this.#at = at;
  }

  /** A slab with so much room at #at. */
  #room(bytes: number): Buffer {
    if (this.#slab && this.#at + bytes <= slabBytes) return this.#slab;
    this.flush();
    // What was written may still be on its way.
    this.#slab = Buffer.allocUnsafeSlow(slabBytes);
    this.#from = 0;
    this.#at = 0;
    return this.#slab;
  }

  /** Puts `bytes`, whole frames, in at the next border between frames. */
  addAside(bytes: Buffer, atBorder: boolean): void {
    if (atBorder && this.#aside.length === 0) this.add(bytes);
    else this.#aside.push(bytes);
  }

  /** Something waits for a border between frames. */
  get waits(): boolean {
    return this.#aside.length > 0;
  }

  /** A border between frames is reached: what waited for it goes. */
  border(): void {
    if (this.#aside.length === 0) return;
    const waiting = this.#aside;
    this.#aside = [];
    for (const bytes of waiting) this.add(bytes);
  }

  flush(): void {
    if (!this.#slab || this.#at === this.#from) return;
    const { length } = this.#slab;
    const bytes =
      this.#from === 0 && this.#at < length
        ? this.#part.of(this.#slab, this.#at)
        : this.#slab.subarray(this.#from, this.#at);
    this.#from = this.#at;
    if (this.#write(bytes)) this.#from = this.#at = 0;
  }
}
