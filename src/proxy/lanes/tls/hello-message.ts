// The message of a ClientHello and its parts (RFC 8446 §4.1.2). It may be spread over several records, and records over several
// reads.

/** Bytes of records that are read for one ClientHello; real ones have some hundred to a few thousand. */
export const maxHelloBytes = 65_536;

const handshakeRecord = 22;
const clientHello = 1;
const recordHeaderBytes = 5;
const messageHeaderBytes = 4;

/** The whole handshake message without record headers. `not-hello`: it is no ClientHello. */
export function joinRecords(bytes: Buffer): Buffer | "need-more" | "not-hello" {
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

/** Reads on without throwing: past the end everything is 0 or empty, and `failed` says so. */
export class HelloReader {
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

  /** At the start of the message; the reader stays there. */
  legacyVersion(): number {
    return this.#bytes.length < messageHeaderBytes + 2 ? 0 : this.#bytes.readUInt16BE(messageHeaderBytes);
  }

  /** From the start of the message: the suites, two bytes each; what is before and right behind them is skipped. */
  cipherSuites(): Buffer {
    this.skip(messageHeaderBytes + 2 + 32); // message header, legacy_version, random
    this.skip(this.uint8()); // legacy_session_id
    const suites = this.take(this.uint16());
    this.skip(this.uint8()); // legacy_compression_methods
    return suites;
  }

  /** After the suites: each extension with its body. There may be none at all before TLS 1.3. */
  *extensions(): Generator<readonly [type: number, body: Buffer]> {
    const end = this.atEnd ? this.at : this.at + 2 + this.uint16();
    while (!this.failed && this.at < end) yield [this.uint16(), this.take(this.uint16())];
  }
}
