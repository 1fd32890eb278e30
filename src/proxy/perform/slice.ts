// Cuts a response into small pieces with pauses between them, as a bad line or a tiny window does.

import { type Clock, sleep } from "../../core/clock.ts";
import type { Effect } from "../../core/effect.ts";
import type { FaultSpec } from "../../core/rule.ts";
import { responseBytesFault } from "./streamed-reply.ts";

/**
 * The same bytes in pieces of at most `bytes`, `delayMs` apart. Smaller chunks are not held back to be joined.
 * Ends with the signal's reason.
 */
export async function* sliced(
  chunks: AsyncIterable<Uint8Array>,
  spec: { readonly bytes: number; readonly delayMs: number },
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const size = Math.max(1, spec.bytes);
  let first = true;
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += size) {
      if (!first && spec.delayMs > 0) await sleep(clock, spec.delayMs, signal);
      else signal.throwIfAborted();
      first = false;
      yield chunk.subarray(start, start + size);
    }
  }
}

/** Slices the response body. No byte is lost or changed. */
export function sliceEffect(spec: NonNullable<FaultSpec["slice"]>, clock: Clock): Effect {
  return responseBytesFault("slice", (chunks, signal) => sliced(chunks, spec, clock, signal));
}
