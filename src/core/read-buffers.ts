// Read buffers that grow with the flow: small at rest, large in bulk, from a bounded pool. A buffer whose bytes are
// still queued on the other side is lent: it returns to the pool when they have left.

const restBytes = 1_024;
const bulkBytes = 262_144;
/** Steps between: a read that fills its buffer asks for the next one. */
const steps = [restBytes, 4_096, 32_768, bulkBytes] as const;

export interface ReadBuffers {
  /** A buffer of the given step (0: at rest). */
  take(step: number): Buffer;
  /** Gives a buffer back; its bytes must no longer be read by anybody. */
  give(buffer: Buffer): void;
}

/** The step that suits a flow, from the one it has and the bytes that its last read brought. */
export function nextStep(step: number, readBytes: number): number {
  const size = steps[step] ?? restBytes;
  if (readBytes === size) return Math.min(step + 1, steps.length - 1);
  return readBytes * 16 < size ? Math.max(step - 1, 0) : step;
}

/** `maxBulkBuffers`: large buffers kept for reuse; further ones are left to the garbage collector. */
export function createReadBuffers(maxBulkBuffers = 32): ReadBuffers {
  const idle: Buffer[][] = steps.map(() => []);
  return {
    take: (step) => idle[step]?.pop() ?? Buffer.allocUnsafeSlow(steps[step] ?? restBytes),
    give(buffer) {
      const step = steps.indexOf(buffer.length as (typeof steps)[number]);
      const shelf = idle[step];
      const room = step === steps.length - 1 ? maxBulkBuffers : maxBulkBuffers * 8;
      if (shelf && shelf.length < room) shelf.push(buffer);
    },
  };
}

/**
 * The part of a buffer that a read has filled. Messages of one connection often have the same length, so the view of
 * the last read serves again where buffer and length are the same; nobody may keep it once its bytes are free.
 */
export class FilledPart {
  #view: Buffer | null = null;
  #buffer: Buffer | null = null;

  of(buffer: Buffer, bytes: number): Buffer {
    if (bytes === buffer.length) return buffer;
    if (this.#view !== null && this.#buffer === buffer && this.#view.length === bytes) return this.#view;
    this.#buffer = buffer;
    this.#view = buffer.subarray(0, bytes);
    return this.#view;
  }
}
