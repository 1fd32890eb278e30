// The octets of a gRPC-Web text while it comes.

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
