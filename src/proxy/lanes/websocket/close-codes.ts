// Status codes of close frames: which may stand on the wire (RFC 6455 §7.4, and the IANA registry it opened).

/** Codes that the lane itself sends. */
export const closeCodes = {
  goingAway: 1001,
  protocolError: 1002,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
} as const;

/** RFC 6455 §7.4.1: 1004 is reserved, 1005, 1006 and 1015 never stand in a frame; §7.4.2: 3000 to 4999 are free. */
export function mayStandInFrame(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
