// What a ClientHello asks for: server name and ALPN (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1). Pure; the message
// may be spread over several records, and records over several reads.

export interface ClientHello {
  /** SNI in lower case; "" where there is none, or none that is a host name. */
  readonly serverName: string;
  /** ALPN offers in the client's order; empty where it makes none. */
  readonly protocols: readonly string[];
}

/** Bytes of records that are read for one ClientHello; real ones have some hundred to a few thousand. */
export const maxHelloBytes = 65_536;

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const alpnExtension = 16;
const recordHeaderBytes = 5;
const messageHeaderBytes = 4;

/** `not-hello`: it is no ClientHello, or a malformed one. */
export function readClientHello(bytes: Buffer): ClientHello | "need-more" | "not-hello" {
  const message = joinRecords(bytes);
  if (typeof message === "string") return message;
  const reader = new Reader(message);
  reader.skip(messageHeaderBytes + 2 + 32); // message header, legacy_version, random
  reader.skip(reader.uint8()); // legacy_session_id
  reader.skip(reader.uint16()); // cipher_suites
  reader.skip(reader.uint8()); // legacy_compression_methods
  let serverName = "";
  let protocols: readonly string[] = [];
  // Extensions may be missing altogether before TLS 1.3.
  const end = reader.atEnd ? reader.at : reader.at + 2 + reader.uint16();
  while (!reader.failed && reader.at < end) {
    const type = reader.uint16();
    const extension = reader.take(reader.uint16());
    if (type === serverNameExtension) serverName = serverNameIn(new Reader(extension));
    else if (type === alpnExtension) protocols = protocolsIn(new Reader(extension));
  }
  return reader.failed ? "not-hello" : { serverName, protocols };
}

/** The whole handshake message without record headers. */
function joinRecords(bytes: Buffer): Buffer | "need-more" | "not-hello" {
  const parts: Buffer[] = [];
  let gathered = 0;
  let needed = messageHeaderBytes;
  for (let at = 0; ; ) {
    if (bytes.length < at + recordHeaderBytes) return "need-more";
    if (bytes[at] !== handshakeRecord || bytes[at + 1] !== 3) return "not-hello";
    const from = at + recordHeaderBytes;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0) return "not-hello"; // RFC 8446 §5.1: no empty handshake records
    const part = bytes.subarray(from, from + length);
    if (gathered === 0 && part.length > 0 && part[0] !== clientHello) return "not-hello";
    parts.push(part);
    gathered += part.length;
    if (needed === messageHeaderBytes && gathered >= needed) {
      needed += Buffer.concat(parts).readUIntBE(1, 3);
      if (needed > maxHelloBytes) return "not-hello";
    }
    if (gathered >= needed) return Buffer.concat(parts, needed);
    if (part.length < length) return "need-more";
    at = from + length;
  }
}

function serverNameIn(list: Reader): string {
  list.skip(2);
  while (!list.failed && !list.atEnd) {
    const type = list.uint8();
    const name = list.take(list.uint16()).toString("latin1");
    // Host names only: what else stands there must reach neither a certificate nor a log line.
    if (type === 0 && !list.failed) return /^[A-Za-z0-9._-]{1,253}$/.test(name) ? name.toLowerCase() : "";
  }
  return "";
}

function protocolsIn(list: Reader): readonly string[] {
  list.skip(2);
  const names: string[] = [];
  while (!list.failed && !list.atEnd) names.push(list.take(list.uint8()).toString("latin1"));
  return list.failed ? [] : names.filter((name) => name !== "");
}

/** Reads on without throwing: past the end everything is 0 or empty, and `failed` says so. */
class Reader {
  at = 0;
  failed = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  uint8(): number {
    return this.take(1)[0] ?? 0;
  }

  uint16(): number {
    const bytes = this.take(2);
    return bytes.length === 2 ? bytes.readUInt16BE(0) : 0;
  }

  skip(length: number): void {
    this.take(length);
  }

  take(length: number): Buffer {
    const from = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) this.failed = true;
    return this.#bytes.subarray(from, this.at);
  }
}
