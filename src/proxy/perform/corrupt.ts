// Changes bytes of a response at random, as a broken middlebox or a bad cable would. Never adds or removes one.

import type { Effect } from "../../core/effect.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { FaultSpec } from "../../core/rule.ts";
import { responseBytesFault, type Span } from "./streamed-reply.ts";

/** The bytes, each replaced with `probability` (0 to 1) by another value. Chunks are copied before they are changed. */
export async function* corrupted(
  chunks: AsyncIterable<Uint8Array>,
  probability: number,
  random: Random,
  { signal, faultEnds }: Span,
): AsyncGenerator<Uint8Array> {
  let gap = untouchedBytes(probability, random);
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    if (faultEnds?.aborted) {
      yield chunk;
      continue;
    }
    if (gap >= chunk.length) {
      gap -= chunk.length;
      yield chunk;
      continue;
    }
    const copy = Uint8Array.from(chunk); // The original may be shared: a fixed reply, or a socket's buffer.
    while (gap < copy.length) {
      copy[gap] = (copy[gap] ?? 0) ^ (1 + (random.uint32() % 255)); // XOR with 1 to 255 never yields the same byte.
      gap += 1 + untouchedBytes(probability, random);
    }
    gap -= copy.length;
    yield copy;
  }
}

/** Corrupts the response body; with a seed every call is hit at the same places. */
export function corruptEffect(spec: NonNullable<FaultSpec["corrupt"]>, random: Random): Effect {
  return responseBytesFault("corrupt", (chunks, span) =>
    corrupted(chunks, spec.probability, chanceOf(spec, random), span),
  );
}

/** The generator for one body: fresh from the seed where there is one, else the process's. */
export function chanceOf(spec: { readonly seed: number | null }, random: Random): Random {
  return spec.seed === null ? random : seededRandom(spec.seed);
}

/** Bytes to leave alone before the next hit: a geometric sample, so that clean stretches cost nothing per byte. */
function untouchedBytes(probability: number, random: Random): number {
  if (probability <= 0) return Number.POSITIVE_INFINITY;
  if (probability >= 1) return 0;
  return Math.floor(Math.log(1 - random.next()) / Math.log1p(-probability));
}
