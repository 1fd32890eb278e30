// How a WebSocket that carries GraphQL is closed on whoever breaks its protocol.

export const socketClosings = {
  invalid: 4400,
  unauthorized: 4401,
  /** The client did not introduce itself in time. */
  late: 4408,
  duplicate: 4409,
  greetedTwice: 4429,
} as const;

/** RFC 6455 §5.5: 125 bytes, two of which are the code. */
const maxReasonBytes = 123;

/** The reason, cut where it is too long. */
export function closeReason(text: string): string {
  let reason = text.slice(0, maxReasonBytes);
  while (Buffer.byteLength(reason, "utf8") > maxReasonBytes) reason = reason.slice(0, -1);
  return reason;
}
