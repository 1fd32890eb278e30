// Requests to an explicit proxy: absolute-form becomes origin-form, and the fields meant for the proxy end here
// (RFC 9112 §3.2.2, RFC 9110 §7.6.1). Every other line of the head keeps its bytes.

import type { RequestScanner } from "./request-scanner.ts";

/** The head as the origin gets it. `bytes[at..)` holds the head that `scanner` has just completed. */
export function originFormHead(scanner: RequestScanner, bytes: Buffer, at: number): Buffer {
  const parts: Buffer[] = [
    Buffer.from(`${scanner.method} ${scanner.path} HTTP/1.${scanner.minorVersion}\r\n`, "latin1"),
  ];
  const authority = scanner.authority;
  let named = false;
  for (let i = 0; i < scanner.fieldCount; i++) {
    if (scanner.nameIs(i, "proxy-connection") || scanner.nameIs(i, "proxy-authorization")) continue;
    if (scanner.nameIs(i, "host") && !named) {
      named = true;
      const line = bytes.subarray(at + scanner.lineStart(i), at + scanner.lineEnd(i));
      const agrees =
        line
          .toString("latin1")
          .replace(/^[^:]*:\s*/, "")
          .trim()
          .toLowerCase() === authority.toLowerCase();
      // RFC 9112 §3.2.2: the target's authority replaces a Host that says otherwise.
      parts.push(agrees ? line : Buffer.from(`Host: ${authority}\r\n`, "latin1"));
    } else parts.push(bytes.subarray(at + scanner.lineStart(i), at + scanner.lineEnd(i)));
  }
  if (!named) parts.splice(1, 0, Buffer.from(`Host: ${authority}\r\n`, "latin1"));
  parts.push(Buffer.from("\r\n", "latin1"));
  return Buffer.concat(parts);
}
