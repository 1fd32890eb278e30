// permessage-deflate (RFC 7692) as a relay meets it: what two others agreed on, and looking inside one direction of it.
//
// A compressed message may refer back to the messages before it, so every one has to be inflated to read the next. As
// long as all of them pass, their own bytes stay valid. Once one is taken out or changed, the receiver's history is no
// longer the sender's: from then on each is compressed anew, without references to earlier ones, which any receiver takes.

import { createRequire } from "node:module";

/** Loaded with the first compressed message that a rule looks into. */
const load = createRequire(import.meta.url);

/** What was agreed on for one direction. */
export interface DeflateTerms {
  /** Messages may refer back to earlier ones. */
  readonly takeover: boolean;
  /** Base-two logarithm of the window of the sender, 8 to 15. */
  readonly windowBits: number;
}

export interface Deflate {
  readonly toUpstream: DeflateTerms;
  readonly toDownstream: DeflateTerms;
}

/** From the Sec-WebSocket-Extensions of an accepted upgrade. null: no compression. `unknown`: another extension. */
export function readExtensions(value: string | undefined): Deflate | null | "unknown" {
  const extensions = (value ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  const [only] = extensions;
  if (only === undefined) return null;
  const [name = "", ...parameters] = only.split(";").map((part) => part.trim().toLowerCase());
  if (extensions.length > 1 || name !== "permessage-deflate") return "unknown";
  const found = new Map(
    parameters.map((parameter) => {
      const [key = "", text = ""] = parameter.split("=").map((part) => part.trim());
      return [key, text.replace(/^"(.*)"$/, "$1")] as const;
    }),
  );
  const terms = (side: "client" | "server"): DeflateTerms => ({
    takeover: !found.has(`${side}_no_context_takeover`),
    windowBits: Number(found.get(`${side}_max_window_bits`) || 15),
  });
  return { toUpstream: terms("client"), toDownstream: terms("server") };
}

/** RFC 7692 §7.2.1: taken off the end of a message by its sender. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const windowBytes = 32_768;
/** In one message: each costs as much as a message, however short it is. */
const maxFinalBlocks = 64;
const noBytes = Buffer.alloc(0);

interface InflatedPart {
  readonly bytes: Buffer;
  /** Of the input. */
  readonly readBytes: number;
}

export class CompressedMessages {
  readonly terms: DeflateTerms;
  #history: Buffer = noBytes;

  constructor(terms: DeflateTerms) {
    this.terms = terms;
  }

  /** The plain message; "large" beyond `limitBytes`, "broken" where it is no deflate data. */
  inflate(payload: Uint8Array, limitBytes: number): Buffer | "large" | "broken" {
    const input = Buffer.concat([payload, tail]);
    let plain: Buffer = noBytes;
    let ends = 0;
    for (let at = 0; at < input.length; ends++) {
      if (ends > maxFinalBlocks) return "large";
      const part = this.#part(input.subarray(at), plain, limitBytes - plain.length);
      if (typeof part === "string") return part;
      plain = plain.length === 0 ? part.bytes : Buffer.concat([plain, part.bytes]);
      if (plain.length > limitBytes) return "large";
      at += part.readBytes;
    }
    if (this.terms.takeover) this.#remember(plain);
    return plain;
  }

  /** Up to the end of a final block: there may be more behind it, which may refer to what is before it (§7.2.1). */
  #part(input: Buffer, before: Buffer, limitBytes: number): InflatedPart | "large" | "broken" {
    const zlib = load("node:zlib") as typeof import("node:zlib");
    const dictionary = before.length === 0 ? this.#history : Buffer.concat([this.#history, before]);
    try {
      // With `info` it is no Buffer, but this.
      const { buffer, engine } = zlib.inflateRawSync(input, {
        finishFlush: zlib.constants.Z_SYNC_FLUSH,
        maxOutputLength: Math.max(1, limitBytes),
        info: true,
        ...(dictionary.length > 0 ? { dictionary } : {}),
      }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
      return engine.bytesWritten > 0 ? { bytes: buffer, readBytes: engine.bytesWritten } : "broken";
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      return code === "ERR_BUFFER_TOO_LARGE" ? "large" : "broken";
    }
  }

  /** A message that refers to no other; null where the agreed window is too small for zlib to write. */
  deflate(plain: Uint8Array): Buffer | null {
    // zlib cannot write raw deflate for a window of 256 bytes.
    if (this.terms.windowBits < 9) return null;
    const zlib = load("node:zlib") as typeof import("node:zlib");
    const whole = zlib.deflateRawSync(plain, {
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
      windowBits: this.terms.windowBits,
    });
    return whole.subarray(0, whole.length - tail.length);
  }

  #remember(plain: Buffer): void {
    if (plain.length >= windowBytes) this.#history = Buffer.from(plain.subarray(plain.length - windowBytes));
    else {
      const kept = this.#history.subarray(Math.max(0, this.#history.length + plain.length - windowBytes));
      this.#history = Buffer.concat([kept, plain]);
    }
  }
}
