// A body on its way from socket callbacks to an async reader: a bounded queue that stops its source when it is full.

import { bodyOf, streamBody } from "../../core/body.ts";
import type { Body } from "../../core/exchange.ts";
import type { HeaderList } from "../../core/headers.ts";

const highWaterBytes = 65_536;
/** What a piece is taken to hold of memory, at least: the buffer that it was read into, and itself. */
const leastPieceBytes = 1_024;

export class BodyPipe {
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #ended = false;
  #abandoned = false;
  #error: Error | null = null;
  #trailers: HeaderList = [];
  #wake: (() => void) | null = null;
  readonly #flow: { start(): void; stop(): void };

  /** `flow.start` asks for more bytes, `flow.stop` for none; either may be called again and again. */
  constructor(flow: { start(): void; stop(): void }) {
    this.#flow = flow;
  }

  /** `chunk` must stay as it is: the caller hands it over. */
  push(chunk: Buffer): void {
    if (this.#abandoned) return;
    this.#queue.push(chunk);
    this.#queuedBytes += heldBy(chunk);
    if (this.#queuedBytes >= highWaterBytes) this.#flow.stop();
    this.#notify();
  }

  end(trailers: HeaderList): void {
    this.#trailers = trailers;
    this.#ended = true;
    this.#notify();
  }

  /** The rest will not come. What is queued is still delivered before the error. */
  fail(error: Error): void {
    if (this.#ended || this.#error) return;
    this.#error = error;
    this.#notify();
  }

  /** The body over this pipe; `lengthBytes` as the framing says. */
  body(lengthBytes: number | null): Body {
    if (this.#ended && this.#queue.length === 0) return bodyOf(Buffer.alloc(0), this.#trailers);
    return streamBody(
      lengthBytes,
      () => this.#chunks(),
      () => this.#trailers,
    );
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#queue.shift();
        if (chunk) {
          this.#queuedBytes -= heldBy(chunk);
          yield chunk;
        } else if (this.#ended) return;
        else if (this.#error) throw this.#error;
        else await this.#arrival();
      }
    } finally {
      this.abandon(); // by a reader that stops early
    }
  }

  /** Nobody wants more of it: what still comes is let through to nobody. */
  abandon(): void {
    this.#abandoned = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#flow.start();
  }

  #arrival(): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#flow.start();
    return arrived;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

const heldBy = (chunk: Buffer): number => Math.max(chunk.length, leastPieceBytes);
