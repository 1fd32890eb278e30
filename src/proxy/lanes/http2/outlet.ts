// Bytes on their way out of one side: small pieces gather into one write, large ones go as they are. What is put in from
// aside waits until no frame is half-way through.

const slabBytes = 65_536;
/** Pieces up to this size are worth copying. */
const copyBytes = 8_192;

export class Outlet {
  readonly #write: (bytes: Buffer) => void;
  #slab: Buffer | null = null;
  #from = 0;
  #at = 0;
  #aside: Buffer[] = [];

  /** `write` takes bytes that stay as they are, unless they were added as one large piece. */
  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  /** Puts `bytes` behind everything added before. */
  add(bytes: Buffer): void {
    if (bytes.length > copyBytes) {
      this.flush();
      this.#write(bytes);
      return;
    }
    if (!this.#slab || this.#at + bytes.length > slabBytes) {
      this.flush();
      // What was written may still be on its way: a slab is never used again.
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#from = 0;
      this.#at = 0;
    }
    this.#at += bytes.copy(this.#slab, this.#at);
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
    const bytes = this.#slab.subarray(this.#from, this.#at);
    this.#from = this.#at;
    this.#write(bytes);
  }
}
