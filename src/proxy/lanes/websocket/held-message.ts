// A message in several frames, while it is not complete.

export class HeldMessage {
  readonly binary: boolean;
  readonly compressed: boolean;
  payloadBytes = 0;
  readonly #frames: Buffer[] = [];
  readonly #parts: Buffer[] = [];

  constructor(binary: boolean, compressed: boolean) {
    this.binary = binary;
    this.compressed = compressed;
  }

  /** `frame` is copied; `part` is its payload without the mask, in a Buffer of its own. */
  add(frame: Buffer, part: Buffer): void {
    this.#frames.push(Buffer.from(frame));
    this.#parts.push(part);
    this.payloadBytes += part.length;
  }

  get frames(): number {
    return this.#frames.length;
  }

  /** Its frames as they came. */
  get raw(): Buffer {
    return Buffer.concat(this.#frames);
  }

  get payload(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
