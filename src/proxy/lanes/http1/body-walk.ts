// Walks the body of one message, whatever its framing, to know where the next message starts.

import type { HeaderList } from "../../../core/headers.ts";
import type { Limits } from "../../../core/settings.ts";
import { ChunkedDelimiter } from "./chunked.ts";
import type { Refusal } from "./refusal.ts";

export type Framing = "none" | "length" | "chunked" | "until-close";

/** One instance a direction, used for one message after the other. */
export class BodyWalk {
  /** True once the last byte of the message has been walked. */
  done = true;
  #framing: Framing = "none";
  #left = 0;
  #chunked: ChunkedDelimiter | null = null;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  begin(framing: Framing, contentLength: number): void {
    this.#framing = framing;
    this.#left = contentLength;
    this.done = framing === "none" || (framing === "length" && contentLength === 0);
    if (framing !== "chunked") return;
    this.#chunked ??= new ChunkedDelimiter({
      maxTrailerBytes: this.#limits.maxHeadBytes,
      maxHeaders: this.#limits.maxHeaders,
    });
    this.#chunked.reset();
  }

  /** Offset after what belongs to the message; -1: malformed (see `refusal`). `onData`: ranges of payload. */
  feed(bytes: Buffer, start: number, end: number, onData?: (from: number, to: number) => void): number {
    if (this.#framing === "chunked" && this.#chunked) {
      const next = this.#chunked.feed(bytes, start, end, onData);
      this.done = this.#chunked.done;
      return next;
    }
    const next = this.#framing === "length" ? Math.min(end, start + this.#left) : end;
    if (this.#framing === "length") {
      this.#left -= next - start;
      this.done = this.#left === 0;
    }
    if (onData && next > start) onData(start, next);
    return next;
  }

  /** The connection ended: a body that lasts until then is complete, any other is cut. True: complete. */
  closed(): boolean {
    if (this.#framing === "until-close") this.done = true;
    return this.done;
  }

  get refusal(): Refusal | null {
    return this.#chunked?.refusal ?? null;
  }

  trailers(): HeaderList {
    return this.#framing === "chunked" ? (this.#chunked?.trailers() ?? []) : [];
  }
}
