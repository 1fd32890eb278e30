// Our last words to an upstream that broke HTTP/2 (RFC 9113 §5.4.1): GOAWAY, then FIN, and what it still sends is read and thrown
// away. Closed at once, a socket with bytes unread is reset, and the reset destroys GOAWAY on its way.

import type { Deadlined } from "../../../core/deadlines.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import { goAwayFrame } from "./frames.ts";

/** For the upstream to read our last words and close. */
const lingerMs = 2_000;
/** What it may say meanwhile. */
const maxUnheardBytes = 4_194_304;

/** Owns the link from now on; its owner hands all further events over. */
export class Farewell implements LinkEvents, Deadlined {
  readonly deadlineAt: number;
  seat = -1;
  readonly #link: Link;
  readonly #traffic: Traffic;
  #left = maxUnheardBytes;

  constructor(link: Link, traffic: Traffic, code: number, detail: string) {
    this.#link = link;
    this.#traffic = traffic;
    this.deadlineAt = traffic.clock.now() + lingerMs;
    traffic.deadlines.add(this);
    link.write(goAwayFrame(0, code, detail));
    link.end();
    link.resume();
  }

  data(chunk: Buffer): boolean {
    this.#left -= chunk.length;
    if (this.#left < 0) this.#over(true);
    return true;
  }

  /** Nothing that the link has handed out before is held any longer. */
  released(): void {
    this.#link.released();
  }

  drain(): void {
    // Nothing waits to be written.
  }

  end(): void {
    this.#over(false);
  }

  close(): void {
    this.#traffic.deadlines.remove(this);
  }

  expire(): void {
    this.#over(true);
  }

  #over(reset: boolean): void {
    this.#traffic.deadlines.remove(this);
    this.#link.destroy(reset);
  }
}
