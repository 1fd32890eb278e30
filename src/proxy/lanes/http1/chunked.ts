// Finds where a chunked body ends (RFC 9112 §7.1), and where its payload stands, without changing or copying it.
// Only trailers are kept, because they may arrive in pieces.
//
//   atSize ─hex▶ inSize ─CR▶ sizeLf ─LF▶ inData ─▶ dataCr ─CR▶ dataLf ─LF▶ atSize
//                  │  ▲         └─(size 0)─▶ inTrailers ─▶ done
//                 ";" CR
//                  ▼  │
//               extensions (`chunk-extensions.ts`)

import type { HeaderList } from "../../../core/headers.ts";
import { ChunkExtensions } from "./chunk-extensions.ts";
import { FieldLines, forbiddenTrailer } from "./field-lines.ts";
import { CR, hexValues, LF, showOctet } from "./octets.ts";
import { malformed, type Refusal } from "./refusal.ts";

const atSize = 0;
const inSize = 1;
const inExtensions = 2;
const sizeLf = 3;
const inData = 4;
const dataCr = 5;
const dataLf = 6;
const inTrailers = 7;
const ended = 8;

/** Enough for every size below 2^53, with leading zeros to spare. */
const maxSizeDigits = 16;
const noBytes = Buffer.alloc(0);
const noTrailers: HeaderList = [];

export interface ChunkedLimits {
  /** Bytes of the trailer section with its last empty line; also of all chunk extensions of a body together. */
  readonly maxTrailerBytes: number;
  /** Trailer fields. */
  readonly maxHeaders: number;
}

/** Called with a range of payload bytes within the Buffer that was fed. */
export type OnData = (from: number, to: number) => void;

/** One per direction of a connection, reused for body after body. */
export class ChunkedDelimiter {
  readonly #limits: ChunkedLimits;
  readonly #extensions: ChunkExtensions;
  readonly #lines: FieldLines;
  #state = atSize;
  #size = 0;
  #digits = 0;
  #trailerBytes: Buffer = noBytes;
  #trailerLength = 0;
  #refusal: Refusal | null = null;

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
    this.#extensions = new ChunkExtensions(limits.maxTrailerBytes);
    this.#lines = new FieldLines(limits.maxHeaders, "trailer");
  }

  /** Forgets the last body. To be called before each new one. */
  reset(): void {
    this.#state = atSize;
    this.#size = 0;
    this.#digits = 0;
    this.#extensions.reset();
    this.#lines.begin(0);
    this.#trailerBytes = noBytes;
    this.#trailerLength = 0;
    this.#refusal = null;
  }

  /** The body has ended; what follows belongs to the next message. */
  get done(): boolean {
    return this.#state === ended;
  }

  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /** The trailer fields in wire order and case; complete once `done`. */
  trailers(): HeaderList {
    return this.#state === ended && this.#lines.count > 0 ? this.#lines.list() : noTrailers;
  }

  /**
   * Walks bytes[start..end), which goes on where the last call left off. Returns the index after the body where it
   * ended, `end` where it goes on, -1 where it is malformed (then what stood before is not to be trusted either).
   */
  feed(bytes: Buffer, start: number, end: number, onData?: OnData): number {
    if (this.#refusal !== null) return -1;
    let p = start;
    while (p < end && this.#state !== ended) {
      if (this.#state === inData) {
        const stop = Math.min(end, p + this.#size);
        onData?.(p, stop);
        this.#size -= stop - p;
        p = stop;
        if (this.#size === 0) this.#state = dataCr;
      } else if (this.#state === inTrailers) {
        p = this.#walkTrailers(bytes, p, end);
      } else if (this.#state === inExtensions) {
        p = this.#walkExtensions(bytes, p, end);
      } else {
        this.#step(bytes[p] as number); // p is below end
        p++;
      }
      if (this.#refusal !== null) return -1;
    }
    return p;
  }

  /** One octet of a size line or of the CRLF behind a chunk's data. */
  #step(octet: number): void {
    if (this.#state === atSize || this.#state === inSize) this.#stepSize(octet);
    else if (this.#state === sizeLf) {
      if (octet === LF) this.#state = this.#size === 0 ? inTrailers : inData;
      else this.#refuse(octet, "LF after CR in a chunk's size line");
    } else if (this.#state === dataCr) {
      if (octet === CR) this.#state = dataLf;
      else this.#refuse(octet, "CRLF after a chunk's data");
    } else if (octet === LF) {
      this.#state = atSize;
      this.#size = 0;
      this.#digits = 0;
    } else this.#refuse(octet, "LF after CR behind a chunk's data");
  }

  #stepSize(octet: number): void {
    const value = hexValues[octet] ?? -1;
    if (value >= 0) {
      this.#size = this.#size * 16 + value;
      this.#digits++;
      this.#state = inSize;
      if (this.#digits > maxSizeDigits || this.#size > Number.MAX_SAFE_INTEGER) {
        this.#refusal = malformed("chunk size: expected less than 2^53, got more (RFC 9112 §7.1)");
      }
    } else if (this.#state === atSize) this.#refuse(octet, "a chunk size in hexadecimal digits");
    else if (octet === CR) this.#state = sizeLf;
    else if (this.#extensions.begins(octet)) this.#state = inExtensions;
    else this.#refuse(octet, 'a hexadecimal digit, ";" or CRLF in a chunk size');
  }

  #walkExtensions(bytes: Buffer, from: number, end: number): number {
    const after = this.#extensions.walk(bytes, from, end);
    if (this.#extensions.refusal !== null) this.#refusal = this.#extensions.refusal;
    else if (this.#extensions.ended) this.#state = sizeLf;
    return after;
  }

  // A body nearly always ends without trailers: then nothing is copied but the last two octets.
  #walkTrailers(bytes: Buffer, from: number, end: number): number {
    const kept = this.#trailerLength;
    const room = this.#limits.maxTrailerBytes - kept;
    const taken = Math.min(end - from, room, kept === 0 && bytes[from] === CR ? 2 : room);
    this.#keep(bytes, from, from + taken);
    const after = this.#lines.scan(this.#trailerBytes, 0, this.#trailerLength);
    if (after < 0) this.#refusal = this.#lines.refusal;
    else if (after > 0) {
      this.#refusal = forbiddenTrailer(this.#lines);
      this.#state = ended;
      return from + after - kept;
    } else if (this.#trailerLength >= this.#limits.maxTrailerBytes) {
      const limit = this.#limits.maxTrailerBytes;
      this.#refusal = {
        status: 431,
        reason: `the trailers are not complete after ${limit} bytes (RFC 6585 §5)`,
      };
    }
    return from + taken;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const length = this.#trailerLength + to - from;
    if (length > this.#trailerBytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, Math.min(2 * length, this.#limits.maxTrailerBytes)));
      this.#trailerBytes.copy(larger, 0, 0, this.#trailerLength);
      this.#trailerBytes = larger;
    }
    bytes.copy(this.#trailerBytes, this.#trailerLength, from, to);
    this.#trailerLength = length;
  }

  #refuse(octet: number, expected: string): void {
    const found = showOctet(octet);
    this.#refusal = malformed(`chunked body: found ${found}, expected ${expected} (RFC 9112 §7.1)`);
  }
}
