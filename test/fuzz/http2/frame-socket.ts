// Frames in and out of a socket, cut where chance will have it.

import type { Socket } from "node:net";
import { frameHeadBytes } from "../../../src/proxy/lanes/http2/frames.ts";
import type { Dice } from "../dice.ts";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export class FrameSocket {
  readonly socket: Socket;
  /** How the other side has ended; null while it has not. */
  ended: string | null = null;
  /** Frames that have come. */
  received = 0;
  readonly #dice: Dice;
  readonly #take: (frame: Frame) => void;
  #in = Buffer.alloc(0);
  #out: Buffer[] = [];

  /** `skip`: octets before the first frame (the preface that a client sends). */
  constructor(socket: Socket, skip: number, dice: Dice, take: (frame: Frame) => void) {
    this.socket = socket;
    this.#dice = dice;
    this.#take = take;
    let left = skip;
    socket.on("data", (chunk: Buffer) => {
      const cut = Math.min(left, chunk.length);
      left -= cut;
      this.#in = Buffer.concat([this.#in, chunk.subarray(cut)]);
      this.#parse();
    });
    socket.on("end", () => this.#end("FIN"));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    socket.on("close", () => this.#end("closed"));
  }

  #end(how: string): void {
    this.ended ??= how;
  }

  #parse(): void {
    while (this.#in.length >= frameHeadBytes) {
      const end = frameHeadBytes + this.#in.readUIntBE(0, 3);
      if (this.#in.length < end) return;
      const [type = 0, flags = 0] = this.#in.subarray(3, 5);
      const stream = this.#in.readUInt32BE(5) & 0x7fff_ffff;
      const payload = Buffer.from(this.#in.subarray(frameHeadBytes, end));
      this.#in = this.#in.subarray(end);
      this.received++;
      this.#take({ type, flags, stream, payload });
    }
  }

  put(bytes: Buffer): void {
    this.#out.push(bytes);
  }

  /** Something was put and not written. */
  get isWaiting(): boolean {
    return this.#out.length > 0;
  }

  /** Writes what was put, or a part of it: the rest comes with the next turn, be it in the middle of a frame. */
  flush(): void {
    if (this.#out.length === 0) return;
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    if (this.socket.destroyed || !this.socket.writable) return;
    const cut = this.#dice.chance(0.3) ? this.#dice.below(bytes.length) : bytes.length;
    if (cut < bytes.length) this.#out.push(bytes.subarray(cut));
    if (cut > 0) this.socket.write(bytes.subarray(0, cut));
  }
}
