// The messages of a request while a mock answers it: how many have come, the first of them, and when it has ended.

import type { Exchange } from "../../../../core/exchange.ts";
import { EnvelopeReader, inflate, isEnveloped } from "./envelope.ts";
import { maxMessageBytes } from "./first-message.ts";
import type { Flavour } from "./flavour.ts";
import { TextPieces } from "./text-pieces.ts";

export class RequestMessages {
  /** The first one without compression; null: none came, or it is too large. */
  first: Uint8Array | null = null;
  #count = 0;
  #ended = false;
  #waiters: (() => void)[] = [];

  /** Reads the request to its end, from now on. */
  constructor(exchange: Exchange, flavour: Flavour) {
    void this.#read(exchange, flavour)
      .catch(() => undefined) // a request that was cut has ended
      .then(() => {
        this.#ended = true;
        this.#wake();
      });
  }

  /** Resolves once `count` messages have come, or the request has ended. Rejects with the signal's reason. */
  async arrived(count: number, signal: AbortSignal): Promise<void> {
    while (this.#count < count && !this.#ended) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.push(resolve);
      try {
        await promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    }
    signal.throwIfAborted();
  }

  async #read({ body, head }: Exchange, flavour: Flavour): Promise<void> {
    if (!isEnveloped(flavour)) {
      this.#take(await body.read(maxMessageBytes));
      return;
    }
    const reader = new EnvelopeReader(maxMessageBytes);
    const text = flavour.name === "grpc-web-text" ? new TextPieces() : null;
    for await (const chunk of body.chunks()) {
      for (const found of reader.push(text ? text.push(chunk) : chunk)) {
        if (found instanceof Uint8Array) continue;
        this.#take(this.first === null ? inflate(found, head.headers, maxMessageBytes) : null);
      }
    }
  }

  #take(payload: Uint8Array | null): void {
    if (this.#count === 0) this.first = payload && Buffer.from(payload);
    this.#count++;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
