// The rules of one direction in the order in which they are tried: which of them a message concerns, and which takes it.

import type { ClaimedMessage } from "./claimed-message.ts";
import type { FlowOptions } from "./flow-options.ts";
import type { PlainPayload } from "./plain-payload.ts";

export class RuleOrder {
  /** Messages are to be there as a whole before they go on. */
  readonly holds: boolean;
  /** Somebody reads what they say, so that text must be text. */
  readonly looks: boolean;
  /** Most messages are looked at, and that is all. */
  readonly skims: boolean;
  readonly #rules: FlowOptions["rules"];

  constructor({ rules, watched, maxMessageBytes }: FlowOptions) {
    this.#rules = rules;
    this.holds = rules.length > 0 || watched;
    this.looks = watched || rules.some(({ test }) => test !== null);
    this.skims = !watched && maxMessageBytes > 125 && rules.some(({ test }) => test !== null);
  }

  /** Index of the first rule from `after` on whose test passes; null: none. */
  first(plain: PlainPayload, binary: boolean, after: number): number | null {
    const rules = this.#rules;
    for (let i = after; i < rules.length; i++) {
      const test = rules[i]?.test;
      if (test === null || test?.(plain.bytes, plain.from, plain.to, binary)) return i;
    }
    return null;
  }

  /** Hands the message to the rule `claimed`, and to the next that fits where it declines. False: nobody took it. */
  hand(message: ClaimedMessage, claimed: number | null, plain: PlainPayload): boolean {
    const { bytes, binary } = message.payload;
    for (let i = claimed; i !== null; ) {
      if (this.#rules[i]?.claim(message)) return true;
      plain.takeWhole(bytes);
      i = this.first(plain, binary, i + 1);
    }
    return false;
  }

  /**
   * Hands on a message that is not there as a whole. Rules that look inside, or need all of it, are passed over, as with the
   * body of a request that is too large, but where nothing may pass unread; others may still take it away or end the
   * connection. `isReferredTo`: later ones cannot be read without it, so it must reach its receiver unless the connection ends.
   */
  handUnread(message: ClaimedMessage, isReferredTo: boolean): boolean {
    return this.#rules.some(
      (rule) =>
        rule.refuses(message.way) ||
        (!rule.test && !rule.whole && !(rule.alters && isReferredTo) && rule.claim(message)),
    );
  }
}
