// The hot path of a direction that is looked at, for what nearly all messages are: short, plain, in one frame, whole in the
// chunk, and of no rule's concern.

import { opcodes } from "./frame-header.ts";
import type { PlainPayload } from "./plain-payload.ts";
import type { RuleOrder } from "./rule-order.ts";

/** First bytes of messages in one frame without extensions (RFC 6455 §5.2). */
const finText = 0x80 | opcodes.text;
const finBinary = 0x80 | opcodes.binary;

export class Skim {
  /** Messages that were passed over. */
  messages = 0;
  readonly #rules: RuleOrder;
  readonly #plain: PlainPayload;
  readonly #keyBytes: number;
  readonly #maskBit: number;

  /** `masks`: frames of a client. */
  constructor(rules: RuleOrder, plain: PlainPayload, masks: boolean) {
    this.#rules = rules;
    this.#plain = plain;
    this.#keyBytes = masks ? 4 : 0;
    this.#maskBit = masks ? 0x80 : 0;
  }

  /** Offset of the first frame from `from` on that is anything else; nothing has been done with that one yet. */
  run(bytes: Buffer, from: number): number {
    const { length } = bytes;
    const keyBytes = this.#keyBytes;
    const maskBit = this.#maskBit;
    const plain = this.#plain;
    let at = from;
    while (at + 2 <= length) {
      const first = bytes[at] ?? 0;
      const payloadBytes = (bytes[at + 1] ?? 0) ^ maskBit;
      const start = at + 2 + keyBytes;
      const end = start + payloadBytes;
      if ((first !== finText && first !== finBinary) || payloadBytes > 125 || end > length) break;
      plain.take(bytes, start, end, keyBytes === 0 ? -1 : start - 4);
      const binary = first === finBinary;
      if (!binary && !plain.isText) break;
      if (this.#rules.first(plain, binary, 0) !== null) break;
      this.messages++;
      at = end;
    }
    return at;
  }
}
