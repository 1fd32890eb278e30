// permessage-deflate (RFC 7692) as two peers of their own speak it: a writer that uses whatever form it may, and a reader that
// takes nothing beyond what was agreed on.

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import type { DeflateTerms } from "../../../src/proxy/lanes/websocket/compression.ts";
import type { Dice } from "../dice.ts";

const { Z_FINISH, Z_SYNC_FLUSH } = constants;
/** §7.2.1: taken off the end of a message. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const noBytes = Buffer.alloc(0);

export class DeflateWriter {
  readonly #terms: DeflateTerms;
  readonly #dice: Dice;
  #history: Buffer = noBytes;

  constructor(terms: DeflateTerms, dice: Dice) {
    this.#terms = terms;
    this.#dice = dice;
  }

  /** The payload of a compressed message: in one block or more, the last of them perhaps a final one (§7.2.3.4). */
  write(plain: Buffer): Buffer {
    const before = this.#terms.takeover ? this.#history : noBytes;
    const cut = this.#dice.chance(0.1) ? this.#dice.below(plain.length + 1) : 0;
    const first = cut > 0 ? [this.#block(plain.subarray(0, cut), before, true)] : [];
    const isFinal = this.#dice.chance(0.1);
    const last = this.#block(plain.subarray(cut), Buffer.concat([before, plain.subarray(0, cut)]), isFinal);
    this.#history = keep(Buffer.concat([this.#history, plain]), this.#terms);
    const rest = isFinal ? [last, Buffer.from([0])] : [last.subarray(0, last.length - tail.length)];
    return Buffer.concat([...first, ...rest]);
  }

  #block(plain: Buffer, before: Buffer, isFinal: boolean): Buffer {
    const { windowBits } = this.#terms;
    const dictionary = keep(before, this.#terms);
    // zlib cannot write for a window of 256 octets: then nothing is referred to.
    const level = windowBits < 9 ? 0 : this.#dice.pick([-1, -1, 1, 9, 0]);
    return deflateRawSync(plain, {
      ...{ level, windowBits: Math.max(9, windowBits), finishFlush: isFinal ? Z_FINISH : Z_SYNC_FLUSH },
      ...(dictionary.length > 0 && level !== 0 ? { dictionary } : {}),
    });
  }
}

export class DeflateReader {
  readonly #terms: DeflateTerms;
  #history: Buffer = noBytes;

  constructor(terms: DeflateTerms) {
    this.#terms = terms;
  }

  /** Throws where it refers to what is not there. */
  read(payload: Buffer): Buffer {
    const input = Buffer.concat([payload, tail]);
    let plain = noBytes;
    for (let at = 0; at < input.length; ) {
      const before = this.#terms.takeover ? this.#history : noBytes;
      const dictionary = keep(Buffer.concat([before, plain]), this.#terms);
      const { buffer, engine } = inflateRawSync(input.subarray(at), {
        ...{ info: true, finishFlush: Z_SYNC_FLUSH, windowBits: this.#terms.windowBits },
        // In small pieces, so that the window is all that there is to refer to.
        chunkSize: 64,
        ...(dictionary.length > 0 ? { dictionary } : {}),
      }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
      plain = Buffer.concat([plain, buffer]);
      at += engine.bytesWritten;
    }
    this.#history = keep(Buffer.concat([this.#history, plain]), this.#terms);
    return plain;
  }
}

/** As much of it as the window holds. */
function keep(bytes: Buffer, { windowBits }: DeflateTerms): Buffer {
  return bytes.subarray(Math.max(0, bytes.length - 2 ** windowBits));
}
