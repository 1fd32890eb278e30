// The request body of a claimed call on its way to the link. It may outlast the response: an upstream can answer early (413,
// 401, 202) and go on reading, so who uses the link next waits until the upload has ended. It ends short of its last byte
// where the link has ended, where the client's own request does, and where it is stopped.

import type { Exchange } from "../../../core/exchange.ts";
import type { DrainWaiters } from "./drain-waiters.ts";
import { encodeChunk, encodeLastChunk } from "./encode.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

export interface UploadDeps {
  readonly half: UpstreamHalf;
  /** Woken when the link can take more, and when it has ended. */
  readonly linkDrain: DrainWaiters;
  /** Resolves when the upstream wants the body, or the client sends it unasked. */
  readonly mayBegin: Promise<unknown>;
  /** All of it is with the link. */
  readonly whole: () => void;
  /** The client's request ended short of its framing; the link is gone. */
  readonly cut: () => void;
}

export class Upload {
  /** Settles, and never rejects, when no more of the body will be sent. */
  readonly ended: Promise<void>;
  readonly #deps: UploadDeps;
  #stopped = false;

  constructor(exchange: Exchange, coding: "raw" | "chunked", deps: UploadDeps) {
    this.#deps = deps;
    this.ended = this.#send(exchange, coding === "chunked");
  }

  /** The link is somebody else's from now on. */
  stop(): void {
    this.#stopped = true;
    this.#deps.linkDrain.wake();
  }

  get #isOver(): boolean {
    return this.#stopped || this.#deps.half.upstream === null;
  }

  async #send(exchange: Exchange, chunked: boolean): Promise<void> {
    const { half, linkDrain, mayBegin, whole, cut } = this.#deps;
    if (exchange.head.header("expect")?.toLowerCase() === "100-continue") await mayBegin;
    try {
      for await (const chunk of exchange.body.chunks()) {
        if (this.#isOver) return;
        if (chunk.length === 0) continue;
        if (!half.send(chunked ? encodeChunk(chunk) : chunk)) await linkDrain.drained();
        if (this.#isOver) return;
      }
      if (this.#isOver) return;
      if (chunked) half.send(encodeLastChunk(exchange.body.trailers()));
      whole();
    } catch {
      if (this.#isOver) return;
      // The request ended short of its framing: only a cut tells the upstream so (RFC 9112 §8).
      half.drop(true);
      cut();
    }
  }
}
