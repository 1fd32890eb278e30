// Cuts a response into small pieces with pauses between them, as a bad line or a tiny window does.

import { type Clock, pause } from "../../core/clock.ts";
import type { Effect } from "../../core/effect.ts";
import type { FaultSpec } from "../../core/rule.ts";
import { responseBytesFault, type Span } from "./streamed-reply.ts";

/**
 * The same bytes in pieces of at most `bytes`, `delayMs` apart. Smaller chunks are not held back to be joined.
 */
export async function* sliced(
  chunks: AsyncIterable<Uint8Array>,
  spec: { readonly bytes: number; readonly delayMs: number },
  clock: Clock,
  { signal, faultEnds }: Span,
): AsyncGenerator<Uint8Array> {
  const size = Math.max(1, spec.bytes);
  let first = true;
  for await (const chunk of chunks) {
    if (faultEnds?.aborted) {
      yield chunk;
      continue;
    }
    for (let start = 0; start < chunk.length; start += size) {
      if (!first && spec.delayMs > 0) await pause(clock, spec.delayMs, signal, faultEnds);
      else signal.throwIfAborted();
      first = false;
      yield chunk.subarray(start, start + size);
    }
  }
}

/** Slices the response body. No byte is lost or changed. */
export function sliceEffect(spec: NonNullable<FaultSpec["slice"]>, clock: Clock): Effect {
  return responseBytesFault("slice", (chunks, span) => sliced(chunks, spec, clock, span));
}
