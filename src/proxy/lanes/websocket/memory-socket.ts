// A socket without a network: what is written to it comes out of a link, and what the link is given can be read from it.
// Lets `ws` speak at the far end of a connection that we answer ourselves.

import { Duplex } from "node:stream";
import type { HostPort } from "../../../core/address.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";

export class MemorySocket extends Duplex {
  #head: Buffer[] | null = [];
  #events: LinkEvents | null = null;
  #paused = true;
  /** The write that waits for the link to be resumed. */
  #waiting: { readonly chunk: Buffer; readonly done: () => void } | null = null;
  #hasEnded = false;
  #isCut = false;

  constructor() {
    super({ allowHalfOpen: true, decodeStrings: true });
    this.on("error", () => undefined); // a destroyed socket is told by `close`
  }

  /** What was written so far, which is HTTP; from now on it is frames. */
  takeHead(): Buffer {
    const head = Buffer.concat(this.#head ?? []);
    this.#head = null;
    return head;
  }

  /** The link whose far end this is; paused until it is resumed. */
  link(upstream: HostPort, events: LinkEvents): Link {
    this.#events = events;
    return {
      upstream,
      holdsBytes: false, // what is written is copied
      write: (chunk) => this.push(Buffer.from(chunk)),
      end: () => void this.push(null),
      pause: () => {
        this.#paused = true;
      },
      resume: () => this.#resume(),
      released: () => undefined, // each chunk that is handed out is one of its own
      destroy: () => {
        this.#events = null;
        this.destroy();
      },
    };
  }

  /** Ends without a word, as a reset would. */
  cut(): void {
    this.#isCut = true;
    this.destroy();
  }

  override _read(): void {
    this.#events?.drain();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#head) {
      this.#head.push(chunk);
      return done();
    }
    if (this.#paused) this.#waiting = { chunk, done };
    else this.#deliver(chunk, done);
  }

  override _final(done: () => void): void {
    this.#hasEnded = true;
    this.#events?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const events = this.#events;
    this.#events = null;
    events?.close(this.#hasEnded && !this.#isCut ? "closed" : "reset", "");
    done(error);
  }

  #resume(): void {
    this.#paused = false;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) this.#deliver(waiting.chunk, waiting.done);
  }

  #deliver(chunk: Buffer, done: () => void): void {
    this.#events?.data(chunk);
    done();
  }
}
