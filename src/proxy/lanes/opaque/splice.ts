// Two byte streams joined: what one side sends, the other gets, half-closes and resets included. Also the end of every
// connection that stops being HTTP (Upgrade, CONNECT).
//
//   downstream ──data──► link      write() false → the source pauses until drain
//   downstream ◄──data── link      FIN forwarded, not answered; RST forwarded as RST

import type { Connection } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { BorrowedBytes } from "../borrowed-bytes.ts";

/** How a splice ended. */
export interface SpliceEnd {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly flags: readonly Flag[];
  readonly detail: string;
  /** The abort of a rule had ended before its turn, so that there was none. Left out: false. */
  readonly spared?: boolean;
}

/**
 * Judges what the downstream says first, where the upstream has not spoken yet. null: the splice goes on. Otherwise it steps
 * aside, without a report, and whoever is called then owns the connection; the bytes have reached nobody. `first` lies in a
 * buffer that is used again.
 */
export type FirstWord = (first: Buffer) => (() => void) | null;

/**
 * Joins the downstream socket of `connection` with a link. Give `events` to whoever opens the link, then call `start`.
 * Owns both from then on, and calls `ended` once when both are closed.
 */
export class Splice implements LinkEvents, Deadlined {
  deadlineAt = 0;
  seat = -1;
  readonly #connection: Connection;
  readonly #traffic: Traffic;
  readonly #ended: (end: SpliceEnd) => void;
  readonly #borrowed: BorrowedBytes;
  #link: Link | null = null;
  #firstWord: FirstWord | null = null;
  #upBytes = 0;
  #downBytes = 0;
  #downstreamEnded = false;
  #upstreamEnded = false;
  #downstreamGone = false;
  #flags: readonly Flag[] = [];
  #detail = "";

  constructor(connection: Connection, traffic: Traffic, ended: (end: SpliceEnd) => void) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#ended = ended;
    this.#borrowed = new BorrowedBytes(connection, () => this.#link?.released());
    this.deadlineAt = traffic.clock.now() + traffic.settings.deadlines.opaqueIdleMs;
  }

  /** `first`: bytes of the downstream that were read before. `firstWord`: see there; null: whatever it says is relayed. */
  start(link: Link, first: Buffer | null, firstWord: FirstWord | null = null): void {
    this.#link = link;
    this.#firstWord = firstWord;
    const { socket, inlet } = this.#connection;
    this.#traffic.deadlines.add(this);
    if (!inlet) socket.on("data", this.#fromDownstream);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#downstreamEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#downstreamClosed);
    if (first) this.#fromDownstream(first);
    inlet?.direct((chunk) => {
      this.#fromDownstream(chunk);
      return !this.#link?.holdsBytes;
    });
    if (socket.readableEnded) this.#downstreamEnd();
    if (socket.destroyed) this.#downstreamClosed();
    else socket.resume();
  }

  readonly #fromDownstream = (chunk: Buffer): void => {
    if (this.#firstWord !== null && this.#isTaken(chunk, this.#firstWord)) return;
    this.#upBytes += chunk.length;
    this.#touch();
    if (this.#link && !this.#link.write(chunk)) this.#connection.socket.pause();
  };

  /** The upstream sees a connection that ends without a word, as it does where a client drops one that it opened in reserve. */
  #isTaken(chunk: Buffer, firstWord: FirstWord): boolean {
    this.#firstWord = null;
    const take = this.#downBytes === 0 && !this.#upstreamEnded && this.#link ? firstWord(chunk) : null;
    if (!take) return false;
    this.#link?.destroy(false);
    this.#link = null;
    this.#traffic.deadlines.remove(this);
    const { socket, inlet } = this.#connection;
    if (inlet) inlet.direct(null);
    socket.off("data", this.#fromDownstream);
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#downstreamEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#downstreamClosed);
    take();
    return true;
  }

  readonly #onDrain = (): void => this.#link?.resume();

  readonly #onError = (error: Error): void => this.#blame("DC", error.message);

  data(chunk: Buffer): boolean {
    this.#downBytes += chunk.length;
    this.#touch();
    if (!this.#borrowed.write(chunk)) this.#link?.pause();
    return !this.#borrowed.held;
  }

  drain(): void {
    this.#connection.socket.resume();
  }

  end(): void {
    this.#upstreamEnded = true;
    this.#connection.socket.end();
  }

  close(how: LinkEnd, detail: string): void {
    this.#link = null;
    const { socket } = this.#connection;
    if (how === "refused") this.#blame("UF", detail);
    else if (how === "timeout") this.#blame("UT", detail);
    else if (how === "reset") this.#blame("UC", detail);
    // A client whose connect we accepted learns of a failure the only way that TCP still has.
    if (how !== "closed") socket.resetAndDestroy();
    else if (!this.#upstreamEnded) socket.end();
    if (this.#downstreamGone) this.#finish();
  }

  expire(): void {
    this.#blame("SI", `no byte in either direction for ${this.#traffic.settings.deadlines.opaqueIdleMs} ms`);
    this.#connection.socket.destroy();
  }

  readonly #downstreamEnd = (): void => {
    if (this.#downstreamEnded) return;
    this.#downstreamEnded = true;
    this.#link?.end();
  };

  /** After an orderly end the link still delivers what it holds; otherwise it is cut as the downstream was. */
  readonly #downstreamClosed = (): void => {
    if (this.#downstreamGone) return;
    this.#downstreamGone = true;
    if (this.#link && !(this.#downstreamEnded && this.#upstreamEnded && this.#flags.length === 0)) {
      if (this.#flags.length === 0) this.#blame("DC", "");
      this.#link.destroy(true);
      this.#link = null;
    }
    if (!this.#link) this.#finish();
  };

  #touch(): void {
    this.deadlineAt = this.#traffic.clock.now() + this.#traffic.settings.deadlines.opaqueIdleMs;
  }

  /** The first cause stands; what follows from it is not another. */
  #blame(flag: Flag, detail: string): void {
    if (this.#flags.length > 0) return;
    this.#flags = [flag];
    this.#detail = detail;
  }

  #finish(): void {
    this.#traffic.deadlines.remove(this);
    this.#ended({
      upBytes: this.#upBytes,
      downBytes: this.#downBytes,
      flags: this.#flags,
      detail: this.#detail,
    });
  }
}
