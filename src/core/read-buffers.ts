// Read buffers that grow with the flow: small at rest, large in bulk, from a bounded pool. A buffer whose bytes are
// still queued on the other side is lent: it returns to the pool when they have left.

const restBytes = 1_024;
const bulkBytes = 524_288;
/** Steps between: a read that fills its buffer asks for the next one. */
const steps = [restBytes, 4_096, 32_768, bulkBytes] as const;

export interface ReadBuffers {
  /** A buffer of the given step (0: at rest). */
  take(step: number): Buffer;
  /** Gives a buffer back; its bytes must no longer be read by anybody. */
  give(buffer: Buffer): void;
}

/** Small reads in a row after which a smaller buffer will do. */
const smallReads = 16;

/**
 * The step that suits a flow, from the sizes of its reads: a read that fills its buffer asks for the next one. Back it
 * goes only when reads stay small: a batch that is a little larger than a buffer would be torn in two each time
 * otherwise. The largest buffers are given back at once, because there are few.
 */
export class ReadStep {
  at = 0;
  #small = 0;

  /** A read brought so many bytes. True: from now on another step suits. */
  after(readBytes: number): boolean {
    const size = steps[this.at] ?? restBytes;
    const last = steps.length - 1;
    if (readBytes * 16 >= size) {
      this.#small = 0;
      return readBytes === size && this.at < last && this.#to(this.at + 1);
    }
    if (this.at === 0 || (++this.#small < smallReads && this.at < last)) return false;
    return this.#to(this.at - 1);
  }

  #to(step: number): true {
    this.at = step;
    this.#small = 0;
    return true;
  }
}

/** `maxBulkBuffers`: large buffers kept for reuse; further ones are left to the garbage collector. */
export function createReadBuffers(maxBulkBuffers = 16): ReadBuffers {
  const idle: Buffer[][] = steps.map(() => []);
  return {
    take: (step) => idle[step]?.pop() ?? Buffer.allocUnsafeSlow(steps[step] ?? restBytes),
    give(buffer) {
      const step = steps.indexOf(buffer.length as (typeof steps)[number]);
      const shelf = idle[step];
      const room = step === steps.length - 1 ? maxBulkBuffers : maxBulkBuffers * 16;
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
