// Bodies that a step must have whole, and what becomes of them when they are too large or no longer wanted.

import { streamBody } from "../../core/body.ts";
import type { Body } from "../../core/exchange.ts";
import { GrowingBytes } from "../../core/growing-bytes.ts";

/** `whole`: all bytes. `larger`: more than the limit; `body` gives all of them, those already read included. */
export type HeldBody =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "larger"; readonly body: Body };

/** Reads a body up to `limitBytes`. A body that says that it is larger is not touched. Rejects as the body does. */
export async function holdBody(body: Body, limitBytes: number): Promise<HeldBody> {
  if ((body.lengthBytes ?? 0) > limitBytes) return { kind: "larger", body };
  const source = body.chunks()[Symbol.asyncIterator]();
  const read = new GrowingBytes();
  for (;;) {
    const step = await source.next();
    if (step.done) return { kind: "whole", bytes: read.all };
    read.append(step.value);
    if (read.length > limitBytes) {
      const rest = () => resumed(read.all, source);
      return { kind: "larger", body: streamBody(body.lengthBytes, rest, () => body.trailers()) };
    }
  }
}

async function* resumed(read: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield read;
    yield* { [Symbol.asyncIterator]: () => source };
  } finally {
    await source.return?.(); // Whoever stops early stops the source too.
  }
}

/** Bytes that were read, as the body that they came from: same declared length, same trailers. */
export function putBack(bytes: Uint8Array, original: Body): Body {
  const chunks = async function* () {
    if (bytes.length > 0) yield bytes;
  };
  return streamBody(original.lengthBytes, chunks, () => original.trailers());
}

/**
 * Reads a body that nobody will see to its end, so that the upstream connection can carry the next call. How it ends
 * no longer matters, unless the call itself was aborted.
 */
export async function discardBody(body: Body, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of body.chunks()) signal.throwIfAborted();
  } catch {
    signal.throwIfAborted();
  }
}
