// The common ground of the effects that change the bytes of a response while they pass: the new body streams, says
// the same length, and asks for the same trailers.

import { streamBody } from "../../core/body.ts";
import type { Effect } from "../../core/effect.ts";
import type { Body, Reply, ResponseReply } from "../../core/exchange.ts";

/** How long bytes are changed. */
export interface Span {
  /** Its abort ends the bytes, with its reason. */
  readonly signal: AbortSignal;
  /** After its abort bytes pass as they are. Left out: never. */
  readonly faultEnds?: AbortSignal | undefined;
}

/** Changes bytes on their way. */
export type ByteTransform = (chunks: AsyncIterable<Uint8Array>, span: Span) => AsyncIterable<Uint8Array>;

/** The body with its bytes passed through `transform`; the declared length and the trailers stay. */
export function transformedBody(body: Body, transform: ByteTransform, span: Span): Body {
  return streamBody(
    body.lengthBytes,
    () => transform(body.chunks(), span),
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
      return withBody(reply, transformedBody(reply.body, transform, exchange));
    },
  };
}

/** The reply with another body. Field by field, because a reply may be an instance with lazy members. */
export function withBody(reply: ResponseReply, body: Body): ResponseReply {
  return { kind: "response", status: reply.status, reason: reply.reason, headers: reply.headers, body };
}
