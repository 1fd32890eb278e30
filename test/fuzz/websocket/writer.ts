// Frames of one side, in every form that RFC 6455 allows: fragments, empty ones among them, control frames between them, masks,
// compressed or not.

import { frame } from "../../conformance/websocket-frames.ts";
import type { Dice } from "../dice.ts";
import type { DeflateWriter } from "./deflate.ts";

const rsv1 = 4;
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export class FrameWriter {
  readonly #dice: Dice;
  readonly #isClient: boolean;
  readonly #deflate: DeflateWriter | null;

  constructor(isClient: boolean, deflate: DeflateWriter | null, dice: Dice) {
    this.#isClient = isClient;
    this.#deflate = deflate;
    this.#dice = dice;
  }

  /** A message in one frame or more. `isWhole` false: its last frames are missing. */
  message(payload: Buffer, isBinary: boolean, isWhole = true): Buffer[] {
    const dice = this.#dice;
    const isCompressed = isWhole && this.#deflate !== null && dice.chance(0.75);
    const content = isCompressed && this.#deflate ? this.#deflate.write(payload) : payload;
    const count = dice.pick([1, 1, 1, 1, 2, 3, 5, dice.chance(0.1) ? 60 : 1]) + (isWhole ? 0 : 1);
    const cuts = Array.from({ length: count - 1 }, () => dice.below(content.length + 1)).sort(
      (a, b) => a - b,
    );
    const frames: Buffer[] = [];
    for (const [index, from] of [0, ...cuts].entries()) {
      const isLast = index === count - 1;
      if (isLast && !isWhole) break;
      if (index > 0 && dice.chance(0.15)) frames.push(this.control());
      const opcode = index > 0 ? opcodes.continuation : isBinary ? opcodes.binary : opcodes.text;
      const rsv = isCompressed && index === 0 ? rsv1 : 0;
      frames.push(this.#frame(opcode, content.subarray(from, cuts[index]), isLast, rsv));
    }
    return frames;
  }

  /** A ping, or a pong that nobody asked for (§5.5.3). */
  control(): Buffer {
    const bytes = this.#dice.pick([0, 0, 4, 20, 125]);
    const payload = Buffer.alloc(bytes, 97 + this.#dice.below(26));
    return this.#frame(this.#dice.chance(0.6) ? opcodes.ping : opcodes.pong, payload);
  }

  close(): Buffer {
    const code = this.#dice.pick([0, 1000, 1001, 1011, 3000, 4999]);
    const payload = Buffer.from(code === 0 ? "" : `xx${this.#dice.pick(["", "bye", "é".repeat(60)])}`);
    if (code > 0) payload.writeUInt16BE(code);
    return this.#frame(opcodes.close, payload);
  }

  #frame(opcode: number, payload: Buffer, fin = true, rsv = 0): Buffer {
    const mask = this.#isClient ? this.#mask() : null;
    return frame({ ...{ opcode, payload, fin, rsv, mask } });
  }

  #mask(): Buffer {
    if (this.#dice.chance(0.1)) return Buffer.alloc(4);
    return Buffer.from(Array.from({ length: 4 }, () => this.#dice.below(256)));
  }
}
