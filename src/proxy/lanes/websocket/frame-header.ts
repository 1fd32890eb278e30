// Reads frame headers where they stand (RFC 6455 §5.2). One reader serves a direction for its whole life: nothing is
// allocated for a frame.

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What is wrong with a header, for people; "" where nothing is. */
export type HeaderFlaw = string;

/** Bytes of the longest header: two, eight of length, four of masking key. */
export const maxHeaderBytes = 14;

const finBit = 0x80;
const rsv1Bit = 0x40;
const rsv23Bits = 0x30;
const maskBit = 0x80;
const maxControlBytes = 125;

export class FrameHeader {
  fin = false;
  /** RSV1, which permessage-deflate gives a meaning (RFC 7692 §6). */
  compressed = false;
  opcode = 0;
  masked = false;
  payloadBytes = 0;
  headerBytes = 0;
  flaw: HeaderFlaw = "";
  readonly #mustMask: boolean;
  readonly #knowsRsv1: boolean;

  /** `mustMask`: frames of a client (RFC 6455 §5.1). `knowsRsv1`: permessage-deflate was agreed on. */
  constructor(mustMask: boolean, knowsRsv1: boolean) {
    this.#mustMask = mustMask;
    this.#knowsRsv1 = knowsRsv1;
  }

  get isControl(): boolean {
    return this.opcode >= opcodes.close;
  }

  /**
   * Reads the header at `at`. False: it is not complete before `end`, or it has a `flaw`; a flaw is told as soon as the
   * bytes show it.
   */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < 2) return false;
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    this.fin = (first & finBit) !== 0;
    this.compressed = (first & rsv1Bit) !== 0;
    this.opcode = first & 0x0f;
    this.masked = (second & maskBit) !== 0;
    const short = second & 0x7f;
    if (!this.#isSound(first, short)) return false;
    let length = short;
    let headerBytes = 2;
    if (short === 126) {
      if (end - at < 4) return false;
      length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
      headerBytes = 4;
      if (length < 126) return this.#flawed("a length of less than 126 in two bytes");
    } else if (short === 127) {
      if (end - at < 10) return false;
      const high = wordAt(bytes, at + 2);
      if (high >= 0x8000_0000) return this.#flawed("a length whose most significant bit is set");
      if (high > 0x1f_ffff) return this.#flawed("a length beyond 2^53");
      length = high * 0x1_0000_0000 + wordAt(bytes, at + 6);
      headerBytes = 10;
      if (length < 65_536) return this.#flawed("a length of less than 65536 in eight bytes");
    }
    this.payloadBytes = length;
    this.headerBytes = this.masked ? headerBytes + 4 : headerBytes;
    return end - at >= this.headerBytes;
  }

  /** All that the first two bytes can show (RFC 6455 §5.2, §5.5). */
  #isSound(first: number, short: number): boolean {
    const { opcode } = this;
    if (opcode > opcodes.pong || (opcode > opcodes.binary && opcode < opcodes.close))
      return this.#flawed(`the reserved opcode ${opcode}`);
    if ((first & rsv23Bits) !== 0) return this.#flawed("a reserved bit that no extension uses");
    if (this.compressed && (!this.#knowsRsv1 || opcode === opcodes.continuation || opcode >= opcodes.close))
      return this.#flawed("RSV1 where no extension gives it a meaning");
    if (this.masked !== this.#mustMask)
      return this.#flawed(this.masked ? "a masked frame of a server" : "an unmasked frame of a client");
    if (opcode < opcodes.close) return true;
    if (!this.fin) return this.#flawed("a fragmented control frame");
    return short <= maxControlBytes || this.#flawed("a control frame of more than 125 bytes");
  }

  #flawed(what: string): false {
    this.flaw = what;
    return false;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x100_0000 +
    (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}
