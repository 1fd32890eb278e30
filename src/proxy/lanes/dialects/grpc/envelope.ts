// Messages in a stream: five octets before each, flags and length (gRPC PROTOCOL-HTTP2, "Length-Prefixed-Message"), alike
// in gRPC, gRPC-Web and Connect streams. Text mode wraps all of it in base64, in any number of pieces.

import { createRequire } from "node:module";
import { GrowingBytes } from "../../../../core/growing-bytes.ts";
import { type HeaderList, headerValue } from "../../../../core/headers.ts";
import type { Flavour } from "./flavour.ts";

const prefixBytes = 5;
export const envelopeFlags = {
  compressed: 1,
  /** Connect: the end of the stream, as JSON. */
  end: 2,
  /** gRPC-Web: trailers. */
  trailers: 0x80,
} as const;

export interface Envelope {
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** One message with its prefix. */
export function envelope(flags: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + payload.length);
  bytes[0] = flags;
  bytes.writeUInt32BE(payload.length, 1);
  bytes.set(payload, prefixBytes);
  return bytes;
}

/** Octets of the first message of a stream, with its prefix; of the prefix alone while that has not come. */
export function envelopeBytes(stream: Uint8Array): number {
  if (stream.length < prefixBytes) return prefixBytes;
  return prefixBytes + Buffer.from(stream.buffer, stream.byteOffset, prefixBytes).readUInt32BE(1);
}

/** The first message of a stream so far; null: it is not complete. */
export function firstEnvelope(stream: Uint8Array): Envelope | null {
  const end = envelopeBytes(stream);
  return stream.length < end ? null : { flags: stream[0] ?? 0, payload: stream.subarray(prefixBytes, end) };
}

/** The octets of a gRPC-Web text so far. Padding may stand inside, where one piece ended. */
export function fromText(text: Uint8Array): Buffer {
  const latin = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("latin1");
  const whole = latin.slice(0, latin.length - (latin.length % 4));
  return Buffer.concat(whole.split(/(?<==)(?!=)/).map((piece) => Buffer.from(piece, "base64")));
}

/** Whether calls of this flavour have messages in envelopes; else the body is the message. */
export function isEnveloped({ name }: Flavour): boolean {
  return name !== "connect";
}

/** A message without its compression; null where it cannot be undone within `limitBytes`. */
export function inflate(
  { flags, payload }: Envelope,
  headers: HeaderList,
  limitBytes: number,
): Uint8Array | null {
  if ((flags & envelopeFlags.compressed) === 0) return payload.length > limitBytes ? null : payload;
  const coding = headerValue(headers, "grpc-encoding") ?? headerValue(headers, "connect-content-encoding");
  return coding === undefined ? null : unzip(payload, coding, limitBytes);
}

/** null: damaged, larger than the limit, or of another coding than gzip and deflate. */
export function unzip(payload: Uint8Array, coding: string, limitBytes: number): Uint8Array | null {
  const zlib = createRequire(import.meta.url)("node:zlib") as typeof import("node:zlib");
  try {
    if (coding === "gzip") return zlib.gunzipSync(payload, { maxOutputLength: limitBytes });
    if (coding === "deflate") return zlib.inflateSync(payload, { maxOutputLength: limitBytes });
  } catch {
    return null;
  }
  return null;
}

/** A message and the octets in which it came. */
export interface Passing extends Envelope {
  readonly raw: Uint8Array;
}

/** Cuts a stream into messages. Those beyond the limit go through in pieces: `raw` alone, as `null`. */
export class EnvelopeReader {
  readonly #limitBytes: number;
  readonly #held = new GrowingBytes();
  /** Of a message that is too large: octets that are still to pass. */
  #passing = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** What is complete with this chunk. Bytes that are no message yet are kept. */
  *push(chunk: Uint8Array): Generator<Passing | Uint8Array> {
    this.#held.append(chunk);
    for (let next = this.#take(); next !== null; next = this.#take()) yield next;
  }

  /** The next message, or what there is of one that is too large; null: nothing yet. */
  #take(): Passing | Uint8Array | null {
    const bytes = this.#held.all;
    const size = envelopeBytes(bytes);
    if (this.#passing === 0 && size > prefixBytes + this.#limitBytes) this.#passing = size;
    if (this.#passing > 0) {
      const part = bytes.subarray(0, this.#passing);
      this.#passing -= part.length;
      this.#held.drop(part.length);
      return part.length > 0 ? part : null;
    }
    const found = firstEnvelope(bytes);
    if (found === null) return null;
    const raw = bytes.subarray(0, prefixBytes + found.payload.length);
    this.#held.drop(raw.length);
    return { ...found, raw };
  }

  /** What was kept, at the end of the stream. */
  rest(): Uint8Array {
    return this.#held.all;
  }
}
