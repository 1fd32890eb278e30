// The host of a request as rules compare it: lower case, without port, brackets and the root dot.

/** Default port of a scheme (RFC 9110 §4.2). */
export function defaultPort(scheme: "http" | "https"): number {
  return scheme === "http" ? 80 : 443;
}

/** `payments.shop.svc` of `Payments.shop.svc.:8080`; `::1` of `[::1]:80`. Malformed text is compared as it stands. */
export function hostOf(authority: string): string {
  const end = hostEnd(authority);
  const start = authority.charCodeAt(0) === 91 /* [ */ && authority.charCodeAt(end - 1) === 93 ? 1 : 0;
  let stop = end - start;
  // A name with the root dot is the same name (RFC 3986 §3.2.2).
  if (stop > 1 && authority.charCodeAt(stop - 1) === 46 /* . */) stop--;
  return (start === 0 && stop === authority.length ? authority : authority.slice(start, stop)).toLowerCase();
}

/** The port that the authority names, else null. */
export function portOf(authority: string): number | null {
  const end = hostEnd(authority);
  return end < authority.length - 1 ? Number(authority.slice(end + 1)) : null;
}

/** Where the host ends: at the colon before the port, or at the end of the text. */
function hostEnd(authority: string): number {
  if (authority.charCodeAt(0) === 91) {
    const colon = authority.lastIndexOf(":");
    return authority.charCodeAt(colon - 1) === 93 ? colon : authority.length;
  }
  let colon = authority.length - 1;
  while (colon >= 0 && isDigit(authority.charCodeAt(colon))) colon--;
  if (colon < 0 || authority.charCodeAt(colon) !== 58) return authority.length;
  // Two colons without brackets: a bare IPv6 address.
  return authority.indexOf(":") === colon ? colon : authority.length;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
