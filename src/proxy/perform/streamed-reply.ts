// The common ground of the effects that change the bytes of a response while they pass: the new body streams, says
// the same length, and asks for the same trailers.

import { streamBody } from "../../core/body.ts";
import type { Effect } from "../../core/effect.ts";
import type { Body, Reply, ResponseReply } from "../../core/exchange.ts";

/** Changes bytes on their way. Ends with the signal's reason once it has aborted. */
export type ByteTransform = (
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

/** The body with its bytes passed through `transform`; the declared length and the trailers stay. */
export function transformedBody(body: Body, transform: ByteTransform, signal: AbortSignal): Body {
  return streamBody(
    body.lengthBytes,
    () => transform(body.chunks(), signal),
    () => body.trailers(),
  );
}

/** A fault on the bytes of the response. A severed reply and a body that is known to be empty pass untouched. */
export function responseBytesFault(kind: string, transform: ByteTransform): Effect {
  return {
    kind,
    fault: true,
    async apply(exchange, next) {
      const reply: Reply = await next(exchange);
      if (reply.kind !== "response" || reply.body.lengthBytes === 0) return reply;
      return withBody(reply, transformedBody(reply.body, transform, exchange.signal));
    },
  };
}

/** The reply with another body. Field by field, because a reply may be an instance with lazy members. */
export function withBody(reply: ResponseReply, body: Body): ResponseReply {
  return { kind: "response", status: reply.status, reason: reply.reason, headers: reply.headers, body };
}
