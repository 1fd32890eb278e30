// The SNI of a ClientHello that is relayed unopened: for logs and for people. Never an error: "" where it is not there.

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;

/** Server name of the first TLS record (RFC 8446 §4.1.2, RFC 6066 §3), or "". */
export function serverNameOf(record: Uint8Array): string {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  if (bytes.length < 43 || bytes[0] !== handshakeRecord || bytes[5] !== clientHello) return "";
  let at = 43; // record header 5, handshake header 4, version 2, random 32
  at += 1 + (bytes[at] ?? 0); // session id
  at += 2 + uint16(bytes, at); // cipher suites
  at += 1 + (bytes[at] ?? 0); // compression methods
  const end = Math.min(bytes.length, at + 2 + uint16(bytes, at));
  at += 2;
  while (at + 4 <= end) {
    const type = uint16(bytes, at);
    const length = uint16(bytes, at + 2);
    if (type === serverNameExtension) return hostName(bytes, at + 9, at + 9 + uint16(bytes, at + 7));
    at += 4 + length;
  }
  return "";
}

function uint16(bytes: Buffer, at: number): number {
  return at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0;
}

/** Host names only: what else stands there must not reach a log line. */
function hostName(bytes: Buffer, from: number, to: number): string {
  const name = to <= bytes.length ? bytes.toString("latin1", from, to) : "";
  return /^[A-Za-z0-9._-]{1,253}$/.test(name) ? name : "";
}
