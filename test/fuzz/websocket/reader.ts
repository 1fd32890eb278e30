// What one side gets, told apart while it comes: a plain second opinion, which need not be quick.

import { framesIn, type SeenFrame } from "../../conformance/websocket-frames.ts";
import type { DeflateReader } from "./deflate.ts";
import { opcodes } from "./writer.ts";

/** One message, or one control frame, or what is left of one that never came whole. */
export interface Item {
  readonly kind: "text" | "binary" | "control" | "rest";
  /** As it came. */
  readonly raw: string;
  /** Plain; of a control frame with its opcode in front. */
  readonly content: string;
}

type Frame = SeenFrame & { readonly raw: Buffer };

/** What rules say themselves. */
export const ours = "~ours~";

const noBytes = Buffer.alloc(0);

/**
 * Items stand in the order in which a relay may bring them that holds a message until it is whole: control frames amid a
 * message come before it.
 */
export class ItemReader {
  readonly items: Item[] = [];
  /** Frames that a side must not send: masked where they must not be, or the other way round. */
  wrongMasks = 0;
  /** Whole frames in their order, without those of ours. */
  #octets: Buffer[] = [];
  readonly #isOfClient: boolean;
  readonly #deflate: DeflateReader | null;
  #bytes: Buffer = noBytes;
  #parts: Frame[] = [];
  #isBehindClose = false;

  constructor(isOfClient: boolean, deflate: DeflateReader | null) {
    this.#isOfClient = isOfClient;
    this.#deflate = deflate;
  }

  get hasClose(): boolean {
    return this.#isBehindClose;
  }

  /** Throws where a message cannot be inflated. */
  feed(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (!this.#isBehindClose && endOfFrame(this.#bytes) <= this.#bytes.length) {
      const raw = this.#bytes.subarray(0, endOfFrame(this.#bytes));
      this.#bytes = this.#bytes.subarray(raw.length);
      for (const frame of framesIn(raw)) this.#take({ ...frame, raw });
    }
  }

  /** All that has come, with what never came whole behind it. */
  all(): readonly Item[] {
    return [...this.items, ...restOf(this.#parts.map(({ raw }) => raw)), ...restOf([this.#bytes])];
  }

  /** Every octet in its place, but for whole messages of ours. */
  octets(): string {
    return join([...this.#octets, this.#bytes]);
  }

  #take(frame: Frame): void {
    const { opcode, payload, raw, masked } = frame;
    if (payload.toString() !== ours) this.#octets.push(raw);
    if (masked !== this.#isOfClient) this.wrongMasks++;
    if (opcode < opcodes.close) return this.#part(frame);
    this.#isBehindClose = opcode === opcodes.close;
    if (this.#isBehindClose) this.items.push(...restOf(this.#parts.splice(0).map((part) => part.raw)));
    this.items.push({ kind: "control", raw: join([raw]), content: `${opcode} ${join([payload])}` });
  }

  #part(frame: Frame): void {
    this.#parts.push(frame);
    if (!frame.fin) return;
    const parts = this.#parts.splice(0);
    const payload = Buffer.concat(parts.map((part) => part.payload));
    const isCompressed = parts[0]?.rsv === 4;
    const plain = isCompressed && this.#deflate ? this.#deflate.read(payload) : payload;
    const kind = parts[0]?.opcode === opcodes.binary ? "binary" : "text";
    this.items.push({ kind, raw: join(parts.map(({ raw }) => raw)), content: join([plain]) });
  }
}

function endOfFrame(bytes: Buffer): number {
  if (bytes.length < 2) return Number.POSITIVE_INFINITY;
  const [, second = 0] = bytes;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + (second >= 0x80 ? 4 : 0);
  if (bytes.length < start) return Number.POSITIVE_INFINITY;
  if (lengthBytes === 0) return start + short;
  return start + (lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)));
}

function restOf(parts: readonly Buffer[]): readonly Item[] {
  const raw = join(parts);
  return raw === "" ? [] : [{ kind: "rest", raw, content: raw }];
}

function join(bytes: readonly Buffer[]): string {
  return Buffer.concat(bytes).toString("latin1");
}
