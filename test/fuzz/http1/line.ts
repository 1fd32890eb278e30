// One end of a connection: what has come, how the other side ended, and what is written, in pieces.

import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

/** Pieces of one message at most: more of them take long and show nothing new. */
const mostPieces = 200;

export class Line {
  readonly socket: Socket;
  bytes = "";
  /** How the other side has ended. */
  end: "open" | "fin" | "rst" = "open";
  #watchers = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.bytes += chunk.toString("latin1");
      this.#changed();
    });
    socket.on("end", () => this.#ended("fin"));
    socket.on("error", () => this.#ended("rst"));
    socket.on("close", () => this.#ended("rst"));
  }

  #ended(how: "fin" | "rst"): void {
    if (this.end === "open") this.end = how;
    this.#changed();
  }

  #changed(): void {
    for (const watch of this.#watchers) watch();
  }

  /** Resolves when it is so, or the other side has ended. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.end === "open" && !isSo()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  async send(text: string, pieceBytes: number): Promise<void> {
    const bytes = Buffer.from(text, "latin1");
    const step = Math.max(pieceBytes, Math.ceil(bytes.length / mostPieces));
    for (let at = 0; at < bytes.length; at += step) {
      if (this.socket.destroyed || !this.socket.writable) return;
      this.socket.write(bytes.subarray(at, at + step));
      if (step < bytes.length) await turn();
    }
  }
}
