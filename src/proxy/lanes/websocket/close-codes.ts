// Status codes of close frames: which may stand on the wire (RFC 6455 §7.4, and the IANA registry it opened).

import type { PlainPayload } from "./plain-payload.ts";

/** Codes that the lane itself sends. */
export const closeCodes = {
  goingAway: 1001,
  protocolError: 1002,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
} as const;

/** RFC 6455 §7.4.1: 1004 is reserved, 1005, 1006 and 1015 never stand in a frame; §7.4.2: 3000 to 4999 are free. */
function mayStandInFrame(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** What is wrong with the body of a close frame, which is not empty; null: nothing (RFC 6455 §5.5.1, §7.4). */
export function flawOfClose(body: PlainPayload): { readonly code: number; readonly why: string } | null {
  const { bytes, from, to } = body;
  if (to - from < 2) return { code: closeCodes.protocolError, why: "a close code of one byte" };
  const code = ((bytes[from] ?? 0) << 8) | (bytes[from + 1] ?? 0);
  if (!mayStandInFrame(code)) return { code: closeCodes.protocolError, why: `the close code ${code}` };
  body.from += 2;
  return body.isText ? null : { code: closeCodes.invalidPayload, why: "a close reason that is not UTF-8" };
}
