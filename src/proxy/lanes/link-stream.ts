// A link as a stream, so that a library can speak on a connection that was dialled as every other one of ours is.

import { Duplex } from "node:stream";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { Dial, Link, LinkEnd } from "../../core/link.ts";

export class LinkStream extends Duplex {
  readonly #link: Link;
  /** The write that waits until the link takes more. */
  #waiting: (() => void) | null = null;

  /** Dials at once; a link that cannot be opened, or breaks, ends the stream with an error that says why. */
  constructor(upstream: HostPort, dial: Dial) {
    super({ allowHalfOpen: true });
    this.#link = dial(upstream, {
      data: (chunk) => {
        if (!this.push(Buffer.from(chunk))) this.#link.pause();
        return true; // copied
      },
      drain: () => this.#release(),
      end: () => void this.push(null),
      close: (how, detail) => void this.destroy(errorOf(how, detail, upstream)),
    });
  }

  resetAndDestroy(): void {
    this.#link.destroy(true);
    this.destroy();
  }

  #release(): void {
    const go = this.#waiting;
    this.#waiting = null;
    go?.();
  }

  override _read(): void {
    this.#link.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#link.write(chunk)) done();
    else this.#waiting = done;
  }

  override _final(done: () => void): void {
    this.#link.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#link.destroy(false);
    this.#release();
    done(error);
  }
}

function errorOf(how: LinkEnd, detail: string, upstream: HostPort): Error | undefined {
  if (how === "closed") return undefined;
  const text = detail || `${formatHostPort(upstream)} broke the connection`;
  if (how === "timeout") return new UnderstudyError("connect_timeout", text);
  return how === "refused" ? new UnderstudyError("connect_failed", text) : new Error(text);
}
