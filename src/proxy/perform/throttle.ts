// Paces bytes as a slow line would: small pieces, each delivered when its last byte would have arrived.

import { type Clock, pause } from "../../core/clock.ts";
import type { Effect } from "../../core/effect.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { FaultSpec } from "../../core/rule.ts";
import { withRequestBody } from "./exchange-change.ts";
import { type ByteTransform, type Span, transformedBody, withBody } from "./streamed-reply.ts";

/** Time on the line that one piece takes; short enough to look smooth, long enough for a timer. */
const pieceMs = 20;
/** A timer that fires late is made up for, but an idle line saves up no more than this. */
const creditMs = 50;

/**
 * The same bytes at no more than `bytesPerSecond` (at least 1). Holds nothing but the chunk in hand. Once the
 * fault has ended, what is left of that chunk follows at once.
 */
export async function* throttled(
  chunks: AsyncIterable<Uint8Array>,
  bytesPerSecond: number,
  clock: Clock,
  { signal, faultEnds }: Span,
): AsyncGenerator<Uint8Array> {
  const rate = Math.max(1, bytesPerSecond);
  const pieceBytes = Math.max(1, Math.floor((rate * pieceMs) / 1000));
  let freeAtMs = clock.now(); // When the line will have carried all that was handed out.
  for await (const chunk of chunks) {
    if (faultEnds?.aborted) {
      yield chunk;
      continue;
    }
    for (let start = 0; start < chunk.length; start += pieceBytes) {
      const piece = chunk.subarray(start, start + pieceBytes);
      freeAtMs = Math.max(freeAtMs, clock.now() - creditMs) + (piece.length * 1000) / rate;
      const waitMs = freeAtMs - clock.now();
      if (waitMs > 0) await pause(clock, waitMs, signal, faultEnds);
      else signal.throwIfAborted();
      yield piece;
    }
  }
}

/** Slows the request body (`up`) and the response body (`down`), each to its own rate. */
export function throttleEffect(spec: NonNullable<FaultSpec["throttle"]>, clock: Clock): Effect {
  const { upBytesPerSecond, downBytesPerSecond } = spec;
  const slowUp = (exchange: Exchange): Exchange => {
    if (upBytesPerSecond === null || exchange.body.lengthBytes === 0) return exchange;
    const slow: ByteTransform = (chunks, span) => throttled(chunks, upBytesPerSecond, clock, span);
    return withRequestBody(exchange, transformedBody(exchange.body, slow, exchange));
  };
  return {
    kind: "throttle",
    fault: true,
    async apply(exchange, next) {
      const reply = await next(slowUp(exchange));
      if (reply.kind !== "response" || downBytesPerSecond === null) return reply;
      const slow: ByteTransform = (chunks, span) => throttled(chunks, downBytesPerSecond, clock, span);
      return withBody(reply, transformedBody(reply.body, slow, exchange));
    },
  };
}
