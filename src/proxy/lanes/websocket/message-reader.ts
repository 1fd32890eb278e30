// Reading the messages of one direction on behalf of its rules: whether one can be read, whether it is sound, whom it
// concerns, and what becomes of one that nobody can read.

import { closeCodes } from "./close-codes.ts";
import type { CodedMessages } from "./coded-messages.ts";
import type { FlowEnds, FlowOptions } from "./flow-options.ts";
import type { PlainPayload } from "./plain-payload.ts";
import type { RuleOrder } from "./rule-order.ts";

/** What becomes of a message that is not looked into. */
export type Unread = "passes" | "ends here";

export interface MessageReaderDeps {
  readonly options: FlowOptions;
  readonly ends: FlowEnds;
  readonly rules: RuleOrder;
  readonly coded: CodedMessages;
  /** Where payloads are made readable. */
  readonly plain: PlainPayload;
  /** The flow is over: its sender has broken the protocol, or asked for too much. */
  violate(code: number, why: string): void;
}

const noBytes = Buffer.alloc(0);

export class MessageReader {
  readonly #deps: MessageReaderDeps;
  #hasToldUnread = false;

  constructor(deps: MessageReaderDeps) {
    this.#deps = deps;
  }

  /** Makes a compressed message plain. False: it cannot be read, or the flow is over. */
  canRead(payload: Uint8Array): boolean {
    const { coded, plain, violate } = this.#deps;
    const found = coded.read(plain, payload);
    if (found === "broken")
      violate(closeCodes.invalidPayload, "a compressed message that cannot be inflated");
    return found === "read";
  }

  /** Index of the first rule that the whole message concerns; null: none, or the flow is over. */
  concerned(binary: boolean, compressed: boolean): number | null {
    const { options, rules, plain, ends, violate } = this.#deps;
    const readable = !compressed || options.inflates;
    if (rules.looks && !binary && readable && !plain.isText) {
      violate(closeCodes.invalidPayload, "a text message that is not UTF-8");
      return null;
    }
    if (options.watched) ends.seen({ binary, bytes: plain.copy() });
    return rules.first(plain, binary, 0);
  }

  /** What becomes of a message that is not there as a whole, or cannot be read; the flow may be over by it. */
  leaveUnread(binary: boolean, compressed: boolean): Unread {
    const { options, rules, coded, ends, violate } = this.#deps;
    const isReferredTo = coded.leaveUnread(compressed);
    const payload = { binary, bytes: noBytes };
    if (rules.handUnread({ way: options.way, raw: noBytes, compressed, payload }, isReferredTo))
      return "ends here";
    if (coded.mustRecode(compressed)) {
      const what = `a compressed message of more than ${options.maxMessageBytes} bytes behind others that a rule changed`;
      violate(closeCodes.messageTooBig, what);
      return "ends here";
    }
    if (!this.#hasToldUnread) ends.unread(coded.isBlind);
    this.#hasToldUnread = true;
    return "passes";
  }
}
