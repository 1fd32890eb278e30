// The text of server-sent events (HTML Living Standard §9.2): writing one, and telling them apart in a stream of bytes.

import { GrowingBytes } from "../../core/growing-bytes.ts";

export interface EventFields {
  readonly event: string | null;
  readonly data: string | null;
  readonly id: string | null;
  readonly retryMs: number | null;
  readonly comment: string | null;
}

/** One event with its closing blank line. Line breaks in `data` make further `data` lines (§9.2.6). */
export function writeEvent(fields: EventFields): string {
  let text = "";
  if (fields.comment !== null) text += lines("", fields.comment);
  if (fields.event !== null) text += lines("event", fields.event);
  if (fields.id !== null) text += lines("id", fields.id);
  if (fields.retryMs !== null) text += `retry: ${Math.round(fields.retryMs)}\n`;
  if (fields.data !== null) text += lines("data", fields.data);
  return `${text}\n`;
}

function lines(name: string, value: string): string {
  return value
    .split(/\r\n|\r|\n/)
    .map((line) => `${name}: ${line}\n`)
    .join("");
}

const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;

/** A run of bytes: a block up to and with its blank line. `isEvent`: it has a field, not only comments. */
export interface EventBlock {
  readonly bytes: Buffer;
  readonly isEvent: boolean;
}

/** Cuts a stream into blocks, wherever its chunks are cut. */
export class EventSplitter {
  readonly #rest = new GrowingBytes();
  #scanned = 0;
  #lineStart = 0;
  #hasField = false;
  /** The last block ended in CR: a LF that follows belongs to it. */
  #mayHaveLf = false;

  /** Bytes of a block that has not come whole. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  /** The blocks that are complete with this chunk. */
  push(chunk: Uint8Array): EventBlock[] {
    this.#rest.append(chunk);
    const blocks: EventBlock[] = [];
    let bytes = this.#rest.all;
    if (this.#mayHaveLf && bytes.length > 0) {
      this.#mayHaveLf = false;
      if (bytes[0] === lf) {
        blocks.push({ bytes: bytes.subarray(0, 1), isEvent: false });
        bytes = this.#without(1);
      }
    }
    while (this.#scanned < bytes.length) {
      const byte = bytes[this.#scanned];
      if (byte !== lf && byte !== cr) {
        if (this.#scanned === this.#lineStart && byte !== colon) this.#hasField = true;
        this.#scanned++;
        continue;
      }
      const end = this.#endLine(bytes, byte);
      if (end === 0) this.#scanned++;
      else {
        blocks.push({ bytes: bytes.subarray(0, end), isEvent: this.#hasField });
        this.#hasField = false;
        bytes = this.#without(end);
      }
    }
    return blocks;
  }

  /** What is left when the stream ends. */
  rest(): Buffer {
    const rest = this.#rest.all;
    this.#rest.drop(rest.length);
    return rest;
  }

  #without(count: number): Buffer {
    this.#rest.drop(count);
    return this.#rest.all;
  }

  /** Where the block ends that this line break is the blank line of; 0: it ends another line. */
  #endLine(bytes: Buffer, byte: number): number {
    const isCrLf = byte === cr && bytes[this.#scanned + 1] === lf;
    const end = this.#scanned + (isCrLf ? 2 : 1);
    // The LF of a CRLF that was cut in two is the end of the same line.
    const isTail = byte === lf && this.#scanned > 0 && bytes[this.#scanned - 1] === cr;
    const isBlank = this.#scanned === this.#lineStart && !isTail;
    if (!isBlank) {
      this.#scanned = end - 1;
      this.#lineStart = end;
      return 0;
    }
    this.#mayHaveLf = byte === cr && !isCrLf;
    this.#scanned = 0;
    this.#lineStart = 0;
    return end;
  }
}
