// Frames of the upstream that must wait, because replies of ours have used the client's connection window: they go in
// their order as the window opens again. The link is not read while much waits.

/** What waits at most before the link is paused. */
export const maxHeldBytes = 262_144;

interface Held {
  /** Octets that it takes from the connection's window. */
  readonly windowBytes: number;
  readonly parts: Buffer[];
  complete: boolean;
}

/** What need not wait any longer. */
export interface Released {
  readonly windowBytes: number;
  readonly bytes: Buffer;
  /** False: the rest of the frame is still to come, and need not be held either. */
  readonly complete: boolean;
}

export class HeldFrames {
  #frames: Held[] = [];
  /** Window that the waiting frames will take. */
  windowBytes = 0;
  /** All octets that wait. */
  bytes = 0;

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** So much waits that no more is to be read. */
  get isFull(): boolean {
    return this.bytes > maxHeldBytes;
  }

  /** A frame, whole or (DATA) to be gone on with by `append`. */
  add(windowBytes: number, bytes: Buffer, complete: boolean): void {
    this.#frames.push({ windowBytes, parts: [Buffer.from(bytes)], complete });
    this.windowBytes += windowBytes;
    this.bytes += bytes.length;
  }

  append(bytes: Buffer): void {
    this.#frames.at(-1)?.parts.push(Buffer.from(bytes));
    this.bytes += bytes.length;
  }

  complete(): void {
    const last = this.#frames.at(-1);
    if (last) last.complete = true;
  }

  /** Nothing more comes: a frame that is not complete goes nowhere. */
  cut(): void {
    const last = this.#frames.at(-1);
    if (!last || last.complete) return;
    this.#frames.pop();
    this.windowBytes -= last.windowBytes;
    for (const part of last.parts) this.bytes -= part.length;
  }

  /** The next frame that fits into `windowBytes`, with what has come of it; null where it does not, or none waits. */
  take(windowBytes: number): Released | null {
    const next = this.#frames[0];
    if (!next || next.windowBytes > windowBytes) return null;
    this.#frames.shift();
    const bytes = Buffer.concat(next.parts);
    this.windowBytes -= next.windowBytes;
    this.bytes -= bytes.length;
    return { windowBytes: next.windowBytes, bytes, complete: next.complete };
  }
}
