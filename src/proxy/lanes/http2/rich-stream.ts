// One call on the rich link: what is still to be sent of its request, and its reply as it comes.
//
//   asked ──1xx──► asked ──final head──► responded ──DATA──► responded ──END_STREAM, trailers──► the pipe's end
//
// A request may outlast its reply (RFC 9113 §8.1): the stream is over when both are.

import { emptyBody } from "../../../core/body.ts";
import type { Reply } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import { flawOfTrailers } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { Outgoing } from "./send-queue.ts";
import { bodyLeftAfter } from "./stream.ts";

/** What one call wants to hear besides its reply. */
export interface RichCallEvents {
  interim(headers: HeaderList): void;
  /** The upstream has reset the stream, be it behind the reply; or it has disowned it, which is REFUSED_STREAM. */
  reset(code: number): void;
  failed(flag: Flag, detail: string): void;
}

/** Of the link, which alone changes it. */
export class RichStream {
  readonly out: Outgoing;
  readonly reply: Promise<Reply>;
  failed = false;
  /** The reply is complete. */
  replied = false;
  /** The request is complete. */
  sent = false;
  /** Octets that came and were not credited. */
  owedBytes = 0;
  /** Nobody reads what came: no credit. */
  full = false;
  readonly #events: RichCallEvents;
  readonly #pipe: BodyPipe;
  readonly #isHead: boolean;
  #resolve: (reply: Reply) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #onOver: () => void = () => undefined;
  #responded = false;
  /** Octets that the head announced and that have not come; null: not announced. */
  #bodyLeft: number | null = null;

  constructor(
    id: number,
    windowBytes: number,
    method: string,
    events: RichCallEvents,
    wants: (stream: RichStream) => void,
  ) {
    this.#isHead = method === "HEAD";
    this.out = new Outgoing(id, windowBytes);
    this.#events = events;
    this.#pipe = new BodyPipe({
      start: () => {
        this.full = false;
        wants(this);
      },
      stop: () => {
        this.full = true;
      },
    });
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * A header block of the reply: what is wrong with it; null where nothing is (RFC 9113 §8.1, §8.1.1). `head`: the
   * connection's reader of heads.
   */
  takeBlock(block: HeaderBlock, ends: boolean, head: ResponseHead): string | null {
    return this.#responded ? this.#takeTrailers(block, ends) : this.#takeHead(block, ends, head);
  }

  #takeTrailers(block: HeaderBlock, ends: boolean): string | null {
    if (!ends) return "a header block behind the head does not end the stream";
    if ((this.#bodyLeft ?? 0) > 0) return "its body is not content-length long";
    const flaw = flawOfTrailers(block) ?? (block.tooLarge ? "its trailers are too large" : null);
    if (flaw === null) this.end(listOf(block, 0));
    return flaw;
  }

  #takeHead(block: HeaderBlock, ends: boolean, head: ResponseHead): string | null {
    const flaw = head.read(block) ?? (block.tooLarge ? "its head is too large" : null);
    if (flaw !== null) return flaw;
    const { status, contentLength } = head;
    if (status < 200) {
      if (ends) return `an interim response of ${status} ends the stream`;
      this.#events.interim(listOf(block, 0));
      return null;
    }
    this.#responded = true;
    const bodiless = this.#isHead || status === 204 || status === 304;
    this.#bodyLeft = bodiless ? 0 : contentLength;
    if (ends && (this.#bodyLeft ?? 0) > 0) return "content-length without a body";
    const body = ends ? emptyBody : this.#pipe.body(contentLength);
    this.#resolve({ kind: "response", status, reason: "", headers: listOf(block, 1), body });
    if (ends) this.end([]);
    return null;
  }

  /** DATA with so many octets of content begins: what is wrong with it; null where nothing is. */
  flawOfData(bytes: number, ends: boolean): string | null {
    if (!this.#responded) return "DATA before a final head";
    if (this.#bodyLeft === null) return null;
    this.#bodyLeft = bodyLeftAfter(this.#bodyLeft, bytes, ends);
    return this.#bodyLeft < 0 ? "its body is not content-length long" : null;
  }

  /** Resolves when the stream is over. */
  whenOver(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOver = resolve;
    });
  }

  /** The stream is over. */
  over(): void {
    this.#onOver();
  }

  resetBy(code: number): void {
    this.#events.reset(code);
  }

  /** `content` stays as it is. */
  push(content: Buffer): void {
    this.#pipe.push(content);
  }

  end(trailers: HeaderList): void {
    this.#pipe.end(trailers);
  }

  fail(flag: Flag, detail: string, error: Error): void {
    this.failed = true;
    this.#events.failed(flag, detail);
    this.#pipe.fail(error);
    this.#reject(error);
  }
}

function listOf(block: HeaderBlock, from: number): [string, string][] {
  return block.fields.slice(from).map(({ name, value }) => [name, value]);
}
