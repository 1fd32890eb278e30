// Where the bytes of a direction wait while it is stopped: as often as it was stopped it must be let go on.

const noBytes = Buffer.alloc(0);

export class StopGate {
  #waiting: Buffer[] = [];
  #stops = 0;
  readonly #shut: () => void;
  readonly #opened: () => void;

  /** `shut`: the first stop; `opened`: the last one has ended. */
  constructor(shut: () => void, opened: () => void) {
    this.#shut = shut;
    this.#opened = opened;
  }

  get isShut(): boolean {
    return this.#stops > 0;
  }

  get holdsBytes(): boolean {
    return this.#waiting.length > 0;
  }

  /** Stops the direction until the returned function is called. */
  stop(): () => void {
    if (++this.#stops === 1) this.#shut();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#stops === 0) this.#opened();
    };
  }

  /** Bytes that came behind those that wait. They are copied. */
  add(bytes: Buffer): void {
    this.#waiting.push(Buffer.from(bytes));
  }

  /** Bytes that came before those that wait. They are copied. */
  putBack(bytes: Buffer): void {
    this.#waiting.unshift(Buffer.from(bytes));
  }

  /** All that waits; nothing does any longer. */
  take(): Buffer {
    const all = this.#waiting.length === 1 ? (this.#waiting[0] ?? noBytes) : Buffer.concat(this.#waiting);
    this.#waiting = [];
    return all;
  }

  clear(): void {
    this.#waiting = [];
  }
}
