// Cuts a response short: so many bytes come, then the connection is severed, although the head promised more.

import type { Effect } from "../../core/effect.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { FaultSpec } from "../../core/rule.ts";
import { responseBytesFault, type Span } from "./streamed-reply.ts";

/** The first `afterBytes` bytes, then throws `body_cut` if there is one more. A body that fits is untouched. */
export async function* truncated(
  chunks: AsyncIterable<Uint8Array>,
  afterBytes: number,
  { signal, faultEnds }: Span,
): AsyncGenerator<Uint8Array> {
  let left = afterBytes;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    if (chunk.length <= left || faultEnds?.aborted) {
      left -= chunk.length;
      yield chunk;
      continue;
    }
    if (left > 0) yield chunk.subarray(0, left);
    throw new UnderstudyError("body_cut", `fault.truncate: cut after ${afterBytes} bytes`);
  }
}

/** Truncates the response body. The declared length stays, so that the client can notice. */
export function truncateEffect(spec: NonNullable<FaultSpec["truncate"]>): Effect {
  return responseBytesFault("truncate", (chunks, span) => truncated(chunks, spec.afterBytes, span));
}
