// Harm after so many messages of the response: a status instead of the rest, the stream reset, or half a message.

import { streamBody } from "../../../../core/body.ts";
import type { Effect } from "../../../../core/effect.ts";
import { UnderstudyError } from "../../../../core/errors.ts";
import type { Body } from "../../../../core/exchange.ts";
import type { HeaderList } from "../../../../core/headers.ts";
import type { GrpcFaultSpec } from "../../../../core/rule-grpc.ts";
import { EnvelopeReader, envelopeFlags } from "./envelope.ts";
import { maxMessageBytes } from "./first-message.ts";
import { type Flavour, flavourOf } from "./flavour.ts";
import { statusReply } from "./reply.ts";
import { type Status, statusFields } from "./status.ts";
import { fromTextChunks, toTextChunks } from "./text-pieces.ts";

/** Acts on replies of calls of the gRPC family; unary Connect has no stream of messages, and passes. */
export function grpcFault(spec: GrpcFaultSpec): Effect {
  return {
    kind: "grpc",
    fault: true,
    async apply(exchange, next) {
      const reply = await next(exchange);
      const flavour = flavourOf(exchange.head);
      if (reply.kind !== "response" || flavour === null || flavour.name === "connect") return reply;
      const { status, reason, headers, body } = reply;
      const isAtOnce = spec.afterMessages === 0 && spec.how.kind !== "halfMessage";
      const isWhole = !isAtOnce || exchange.faultEnds?.aborted === true;
      // Without messages the status stands in the head, and whoever gets one expects nothing behind it ("Trailers-Only").
      if (isWhole && body.lengthBytes === 0) return reply;
      const cut = await cutBody(body, spec, flavour, exchange.faultEnds);
      const kept = isWhole ? headers : headers.filter(([name]) => !isStatus(name));
      return { kind: "response", status, reason, headers: withoutLength(kept), body: cut };
    },
  };
}

/** Text mode is base64 around the same messages: undone before the harm, and done again behind it. */
async function cutBody(
  body: Body,
  spec: GrpcFaultSpec,
  flavour: Flavour,
  ends: AbortSignal | undefined,
): Promise<Body> {
  if (flavour.name !== "grpc-web-text") return cutAfter(body, spec, await endOf(spec, flavour), ends);
  const plain = streamBody(
    null,
    () => fromTextChunks(body.chunks()),
    () => body.trailers(),
  );
  const cut = cutAfter(plain, spec, await endOf(spec, { ...flavour, name: "grpc-web" }), ends);
  return streamBody(
    null,
    () => toTextChunks(cut.chunks()),
    () => cut.trailers(),
  );
}

function isStatus(name: string): boolean {
  return /^grpc-(?:status|message|status-details-bin)$/i.test(name);
}

function withoutLength(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => name.toLowerCase() !== "content-length");
}

interface End {
  readonly trailers: HeaderList;
  /** Where the status stands in the body. */
  readonly lastBytes: readonly Uint8Array[];
}

async function endOf({ how }: GrpcFaultSpec, flavour: Flavour): Promise<End | null> {
  if (how.kind !== "status") return null;
  const status: Status = { code: how.code, text: how.text, details: [] };
  if (flavour.name === "grpc") return { trailers: statusFields(status), lastBytes: [] };
  const reply = await statusReply(flavour, how.code, how.text);
  const lastBytes: Uint8Array[] = [];
  for await (const chunk of reply.body.chunks()) lastBytes.push(chunk);
  return { trailers: [], lastBytes };
}

function cutAfter(
  body: Body,
  { afterMessages, how }: GrpcFaultSpec,
  end: End | null,
  ends: AbortSignal | undefined,
): Body {
  let harmed = false;
  const chunks = async function* () {
    const reader = new EnvelopeReader(maxMessageBytes);
    let left = afterMessages;
    const finish = function* () {
      harmed = true;
      if (end === null)
        throw new UnderstudyError("body_cut", `fault.grpc: cut after ${afterMessages} messages`);
      yield* end.lastBytes;
    };
    if (left === 0 && how.kind !== "halfMessage" && !ends?.aborted) return yield* finish();
    for await (const chunk of body.chunks()) {
      if (ends?.aborted) left = Number.POSITIVE_INFINITY; // the rule is gone, and its harm with it
      for (const found of reader.push(chunk)) {
        if (found instanceof Uint8Array) {
          yield found; // of a message that is too large to be looked at
          continue;
        }
        const isMessage = (found.flags & (envelopeFlags.end | envelopeFlags.trailers)) === 0;
        if (isMessage && left === 0) {
          yield found.raw.subarray(0, Math.ceil(found.raw.length / 2));
          throw new UnderstudyError("body_cut", "fault.grpc: cut inside a message");
        }
        yield found.raw;
        if (!isMessage) continue;
        left--;
        if (left === 0 && how.kind !== "halfMessage") return yield* finish();
      }
    }
    yield reader.rest();
  };
  return streamBody(null, chunks, () => (harmed && end ? end.trailers : body.trailers()));
}
