// One message of a WebSocket as rules meet it: what it carries, and conditions on that.

import type { RulePath } from "./rule-problem.ts";
import type { BodyMatch } from "./rule-values.ts";

/** A whole message, its payload plain: neither masked nor compressed. Text is valid UTF-8. */
export interface Payload {
  readonly binary: boolean;
  readonly bytes: Uint8Array;
}

/**
 * Whether the message in `bytes[from..to)` passes. Pure, and never throws. The bytes are looked at during the call only:
 * they are handed over in place, because a slice per message would cost as much as the test.
 */
export type PayloadTest = (bytes: Uint8Array, from: number, to: number, binary: boolean) => boolean;

/** Makes the test of a condition on a message. Throws RuleProblem at `path`. */
export type CompilePayloadTest = (match: BodyMatch, path: RulePath) => PayloadTest;
