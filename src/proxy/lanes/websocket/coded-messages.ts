// What compression means for one direction whose messages are read: one that nobody read makes those behind it unreadable,
// and one that was changed makes those behind it unreadable for their receiver, so that they are written anew.

import type { ClaimedMessage } from "./claimed-message.ts";
import type { FlowOptions } from "./flow-options.ts";
import { encodeMessage } from "./frame-writer.ts";
import type { PlainPayload } from "./plain-payload.ts";

export class CodedMessages {
  readonly #options: FlowOptions;
  readonly #masks: boolean;
  /** Compressed messages refer to one that nobody here has read. */
  #isBlind = false;
  /** The receiver's history is not the sender's any more. */
  #recodes = false;

  constructor(options: FlowOptions, masks: boolean) {
    this.#options = options;
    this.#masks = masks;
  }

  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** Makes `plain` show the payload of a compressed message, as far as anybody wants to see it. `large`: or refers to one. */
  read(plain: PlainPayload, payload: Uint8Array): "read" | "large" | "broken" {
    const { compressed, inflates, maxMessageBytes } = this.#options;
    if (!compressed || !inflates) return "read";
    if (this.#isBlind) return "large";
    const found = compressed.inflate(payload, maxMessageBytes);
    if (typeof found === "string") return found;
    plain.takeWhole(found);
    return "read";
  }

  /** A message passes, or ends, unread. True: later ones refer to it, and to read them one would have to know it. */
  leaveUnread(compressed: boolean): boolean {
    const { inflates, compressed: agreed } = this.#options;
    const isReferredTo = compressed && inflates && (agreed?.terms.takeover ?? false);
    if (isReferredTo) this.#isBlind = true;
    return isReferredTo;
  }

  /** From now on messages refer to what the receiver never got, or got in another order. */
  diverge(): void {
    if (this.#options.compressed?.terms.takeover) this.#recodes = true;
  }

  /** Whether such a message cannot be understood by its receiver as it came. */
  mustRecode(compressed: boolean): boolean {
    return compressed && this.#recodes;
  }

  /** The message as one frame that refers to no other. */
  recoded({ payload }: ClaimedMessage): Buffer {
    const small = this.#options.compressed?.deflate(payload.bytes) ?? null;
    return encodeMessage(small ? { ...payload, bytes: small } : payload, this.#masks, small !== null);
  }
}
