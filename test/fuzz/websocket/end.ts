// One end of a WebSocket, on a socket or on a stream of HTTP/2: what has come, how the other side ended, and what is written, in
// pieces.

import type { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { ItemReader } from "./reader.ts";

export interface Carrier {
  readonly duplex: Duplex;
  /** What is to be written before the first frame; the other side says as much. null: the handshake is over. */
  readonly first: Buffer | null;
  reset(): void;
}

const headEnd = "\r\n\r\n";

export class End {
  readonly reader: ItemReader;
  /** How the other side has ended. */
  ended: "open" | "fin" | "rst" = "open";
  /** Why what came cannot be read. */
  flaw = "";
  /** What came of the handshake, as long as it is not whole. */
  #head: Buffer | null;
  #first: Buffer | null;
  readonly #carrier: Carrier;
  readonly #watchers = new Set<() => void>();

  constructor(carrier: Carrier, reader: ItemReader) {
    this.reader = reader;
    this.#carrier = carrier;
    this.#first = carrier.first;
    this.#head = carrier.first && Buffer.alloc(0);
    const { duplex } = carrier;
    duplex.on("data", (chunk: Buffer) => this.#take(chunk));
    duplex.on("end", () => this.#end("fin"));
    for (const bad of ["aborted", "error", "close"]) duplex.on(bad, () => this.#end("rst"));
  }

  get hasHead(): boolean {
    return this.#head === null;
  }

  #take(chunk: Buffer): void {
    if (this.#head) {
      this.#head = Buffer.concat([this.#head, chunk]);
      const at = this.#head.indexOf(headEnd);
      if (at < 0) return;
      const rest = this.#head.subarray(at + headEnd.length);
      this.#head = null;
      this.#take(rest);
      return;
    }
    try {
      this.reader.feed(chunk);
    } catch (error) {
      this.flaw ||= String(error);
    }
    this.#changed();
  }

  #end(how: "fin" | "rst"): void {
    if (this.ended === "open") this.ended = how;
    this.#changed();
  }

  #changed(): void {
    for (const watch of [...this.#watchers]) watch();
  }

  /** Resolves when it is so, or the other side has ended. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.ended === "open" && !isSo()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  async say(bytes: Buffer, cuts: readonly number[]): Promise<void> {
    for (const [index, from] of [0, ...cuts].entries()) {
      if (index > 0) await turn();
      this.#write(bytes.subarray(from, cuts[index]));
    }
  }

  /** Writes what comes before the first frame, if that did not take it along. */
  begin(): void {
    this.#write(Buffer.alloc(0));
  }

  #write(bytes: Buffer): void {
    const { duplex } = this.#carrier;
    const all = this.#first ? Buffer.concat([this.#first, bytes]) : bytes;
    this.#first = null;
    if (all.length > 0 && !duplex.destroyed && duplex.writable) duplex.write(all);
  }

  listen(isListening: boolean): void {
    if (isListening) this.#carrier.duplex.resume();
    else this.#carrier.duplex.pause();
  }

  end(): void {
    this.#carrier.duplex.end();
  }

  reset(): void {
    this.#carrier.reset();
  }
}
