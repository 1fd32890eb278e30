// A message that a rule has to do with, and the rule as one direction of a WebSocket meets it.

import type { Payload, PayloadTest } from "../../../core/payload.ts";
import type { Way } from "../../../core/rule-websocket.ts";

export interface ClaimedMessage {
  readonly way: Way;
  /** Its frames as they came; valid until the flow goes on, so what lasts longer keeps a copy. */
  readonly raw: Buffer;
  readonly compressed: boolean;
  readonly payload: Payload;
}

export interface FlowRule {
  readonly test: PayloadTest | null;
  /** It can do nothing with a message that is not there as a whole. */
  readonly whole: boolean;
  /** Messages may leave in another form or order than they came in, or not at all. */
  readonly alters: boolean;
  /**
   * Asked for each message whose test passes. Carries out what the rule does to it, at once or later; false: nothing, ask
   * the next rule.
   */
  claim(message: ClaimedMessage): boolean;
  /** Asked for each message that nobody can look into. True: it must not pass, and the connection has been closed. */
  refuses(way: Way): boolean;
}
