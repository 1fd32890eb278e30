// Which responses end with their head, whatever their fields say.

/** True for responses without content (RFC 9112 §6.3): to HEAD, and 204 and 304. */
export function hasNoBody(method: string, status: number): boolean {
  return method === "HEAD" || statusHasNoBody(status);
}

/** RFC 9110 §15.2, §15.3.5, §15.4.5. */
export function statusHasNoBody(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
