// The octets of a gRPC-Web text while it comes, and the text of octets that go.

import { fromText } from "./envelope.ts";

/** Base64 in chunks of any length. */
export class TextPieces {
  #held = Buffer.alloc(0);

  push(chunk: Uint8Array): Uint8Array {
    const text = Buffer.concat([this.#held, chunk]);
    const whole = text.length - (text.length % 4);
    this.#held = text.subarray(whole);
    return fromText(text.subarray(0, whole));
  }
}

export async function* fromTextChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pieces = new TextPieces();
  for await (const chunk of chunks) yield pieces.push(chunk);
}

/** A piece of text for each chunk, padded: PROTOCOL-WEB allows it. */
export async function* toTextChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(Buffer.from(chunk).toString("base64"), "latin1");
}
