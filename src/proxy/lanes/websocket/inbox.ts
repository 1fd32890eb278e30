// Messages that a script has not asked for yet: it may be waiting, or sending, while they come. Bounded; the oldest go.

import type { Payload, PayloadTest } from "../../../core/payload.ts";
import type { Way } from "../../../core/rule-websocket.ts";

const maxMessages = 1_024;
const maxBytes = 1_048_576;

interface Entry {
  readonly way: Way;
  readonly payload: Payload;
}

interface Waiter {
  readonly way: Way;
  readonly test: PayloadTest | null;
  resolve(payload: Payload): void;
}

export class Inbox {
  /** Messages that were thrown away unread. */
  lost = 0;
  #entries: Entry[] = [];
  #bytes = 0;
  #waiter: Waiter | null = null;

  push(way: Way, payload: Payload): void {
    const waiter = this.#waiter;
    if (waiter && waiter.way === way) {
      if (passes(waiter.test, payload)) {
        this.#waiter = null;
        waiter.resolve(payload);
      }
      return;
    }
    this.#entries.push({ way, payload });
    this.#bytes += payload.bytes.length;
    while (this.#entries.length > maxMessages || this.#bytes > maxBytes) {
      this.#bytes -= this.#entries.shift()?.payload.bytes.length ?? 0;
      this.lost++;
    }
  }

  /** The first message of that direction that passes; those before it are passed over. One waiter at a time. */
  next(way: Way, test: PayloadTest | null, signal: AbortSignal): Promise<Payload> {
    const found = this.#entries.findIndex((entry) => entry.way === way && passes(test, entry.payload));
    const entry = this.#entries[found];
    this.#entries = this.#entries.filter((one, index) => one.way !== way || (found >= 0 && index > found));
    this.#bytes = this.#entries.reduce((sum, { payload }) => sum + payload.bytes.length, 0);
    if (entry) return Promise.resolve(entry.payload);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#waiter = null;
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiter = {
        ...{ way, test },
        resolve(payload) {
          signal.removeEventListener("abort", onAbort);
          resolve(payload);
        },
      };
    });
  }
}

function passes(test: PayloadTest | null, { bytes, binary }: Payload): boolean {
  return test === null || test(bytes, 0, bytes.length, binary);
}
