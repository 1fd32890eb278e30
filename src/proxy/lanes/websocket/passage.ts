// What goes on of the bytes at hand: as they came, in one run with their neighbours, without what was taken out; and frames
// of ours, which wait for a place between two messages.

export class Passage {
  readonly #write: (bytes: Buffer) => void;
  /** Up to here the bytes at hand have gone on, or were taken out. */
  #from = 0;
  #pending: Buffer[] = [];

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  /** Other bytes are at hand. */
  begin(): void {
    this.#from = 0;
  }

  /** Lets go on what stands before `to`. */
  flush(bytes: Buffer, to: number): void {
    if (to > this.#from)
      this.#write(this.#from === 0 && to === bytes.length ? bytes : bytes.subarray(this.#from, to));
    this.#from = Math.max(this.#from, to);
  }

  /** Lets go on what stands before `at`; what lies between `at` and `end` does not. */
  takeOut(bytes: Buffer, at: number, end: number): void {
    this.flush(bytes, at);
    this.#from = end;
  }

  /** A frame of ours that must wait. */
  wait(frame: Buffer): void {
    this.#pending.push(frame);
  }

  /** A place between two messages, at `to`: what waited for one leaves. */
  between(bytes: Buffer, to: number): void {
    if (this.#pending.length === 0) return;
    this.flush(bytes, to);
    for (const frame of this.#pending.splice(0)) this.#write(frame);
  }

  /** What waited never leaves. */
  clear(): void {
    this.#pending = [];
  }
}
