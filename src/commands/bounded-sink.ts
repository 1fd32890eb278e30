// Text for somebody who may not be reading: what goes at once is written at once, a bounded amount waits for a slow reader, and
// the rest is dropped and counted. Nobody who writes ever waits.

import { type Clock, sleep, type Timer } from "../core/clock.ts";
import type { TextSink } from "./command.ts";

/** Where the bytes of a sink go. */
export interface ReadyWriter {
  /** Writes what goes without waiting, and returns how many bytes that were; 0: not now. Throws where the reader has gone. */
  write(bytes: Uint8Array): number;
  /** Whether something that was written has not left yet; left out: never. */
  isBusy?(): boolean;
}

const maxWaitingBytes = 1_048_576;
const retryMs = 20;

export class BoundedSink implements TextSink {
  readonly isTTY: boolean;
  readonly #writer: ReadyWriter;
  readonly #clock: Clock;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #retry: Timer | null = null;
  #lost = 0;
  #tellLost: (lines: number) => string = lostForPeople;
  #gone = false;

  constructor(writer: ReadyWriter, isTTY: boolean, clock: Clock) {
    this.#writer = writer;
    this.isTTY = isTTY;
    this.#clock = clock;
  }

  write(text: string, tellLost: (lines: number) => string = lostForPeople): void {
    if (this.#gone || text === "") return;
    const bytes = Buffer.from(text);
    // Once full, half of it has to leave first: otherwise every other line would say that one is missing.
    const most = this.#lost > 0 ? maxWaitingBytes / 2 : maxWaitingBytes;
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > most) {
      this.#lost += text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
      this.#tellLost = tellLost;
      return;
    }
    this.#sayLost();
    this.#keep(bytes);
    if (this.#retry === null) this.#writeWaiting();
  }

  /** Resolves when nothing waits any more, the reader has gone, or has taken nothing for `patienceMs`. */
  async drained(patienceMs: number): Promise<void> {
    const never = new AbortController().signal;
    let [before, since] = [this.#waitingBytes, this.#clock.now()];
    const isLeft = () => this.#waitingBytes > 0 || (!this.#gone && this.#writer.isBusy?.() === true);
    while (isLeft() && this.#clock.now() - since < patienceMs) {
      await sleep(this.#clock, retryMs, never);
      if (this.#waitingBytes !== before) [before, since] = [this.#waitingBytes, this.#clock.now()];
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #sayLost(): void {
    if (this.#lost === 0) return;
    this.#keep(Buffer.from(this.#tellLost(this.#lost)));
    this.#lost = 0;
  }

  #writeWaiting(): void {
    while (this.#waitingBytes > 0) {
      const all = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
      if (all === undefined) return;
      const taken = this.#try(all);
      this.#waitingBytes -= taken;
      this.#waiting = taken === all.length ? [] : [all.subarray(taken)];
      if (this.#waitingBytes === 0) this.#sayLost();
      if (taken === 0) return this.#writeLater();
    }
  }

  #try(bytes: Uint8Array): number {
    try {
      return this.#writer.write(bytes);
    } catch {
      // Like `| head`: no error, and what it would have read is nobody's loss.
      this.#gone = true;
      return bytes.length;
    }
  }

  #writeLater(): void {
    const again = () => {
      this.#retry = null;
      this.#writeWaiting();
    };
    this.#retry = this.#clock.after(retryMs, again, { background: true });
  }
}

function lostForPeople(lines: number): string {
  return `understudy: ${lines} ${lines === 1 ? "line" : "lines"} not shown: nobody read them in time\n`;
}

/** How a log of JSON lines says that so many of them were dropped. */
export function lostAsJson(clock: Pick<Clock, "wall">): (lines: number) => string {
  return (lines) => {
    const told = { level: 40, time: clock.wall(), dropped: lines };
    return `${JSON.stringify({ ...told, msg: "log lines dropped: nobody read them in time" })}\n`;
  };
}
