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
  const colon = authority.lastIndexOf(":");
  if (colon === -1) return authority.length;
  if (authority.charCodeAt(0) === 91)
    return authority.charCodeAt(colon - 1) === 93 ? colon : authority.length;
  // Two colons without brackets: a bare IPv6 address.
  return authority.indexOf(":") === colon && onlyDigits(authority, colon + 1) ? colon : authority.length;
}

function onlyDigits(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
