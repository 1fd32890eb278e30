// Changes messages while they pass, in either direction, as soon as each is whole. What cannot be changed goes on as it
// came, with a note that says why.

import { bodyOf, streamBody } from "../../../../core/body.ts";
import type { DialectTools } from "../../../../core/dialect.ts";
import type { Effect } from "../../../../core/effect.ts";
import { messageOf } from "../../../../core/errors.ts";
import type { Body, Exchange, RequestHead } from "../../../../core/exchange.ts";
import { type HeaderList, headerValue, withoutHeader } from "../../../../core/headers.ts";
import type { RuleSpec } from "../../../../core/rule.ts";
import type { GrpcPatchSpec } from "../../../../core/rule-grpc.ts";
import { allSteps } from "../../../../core/rule-problem.ts";
import { EnvelopeReader, envelope, envelopeFlags, inflate, isEnveloped } from "./envelope.ts";
import { type Flavour, flavourOf } from "./flavour.ts";
import { createJsonPatches } from "./json-patches.ts";
import { compileChange, type MessageChange } from "./message-change.ts";
import type { MessageType } from "./message-type.ts";
import { type Descriptors, methodOfExchange, methodsOfRule, schemaOfRule } from "./rule-types.ts";
import { fromTextChunks, toTextChunks } from "./text-pieces.ts";

type Side = keyof GrpcPatchSpec;

/** Throws RuleProblem where the patch does not fit a method that the rule names. */
export function grpcPatch(
  spec: GrpcPatchSpec,
  rule: RuleSpec,
  descriptors: Descriptors,
  { maxBodyBytes: maxBytes, jsonChange }: Pick<DialectTools, "maxBodyBytes" | "jsonChange">,
): Effect {
  const schema = schemaOfRule(rule, descriptors);
  const inJson = createJsonPatches(spec, jsonChange);
  const compiled: Readonly<Record<Side, WeakMap<MessageType, MessageChange>>> = {
    request: new WeakMap(),
    response: new WeakMap(),
  };
  /** null: this side is not changed. */
  const changeOf = (side: Side, type: MessageType): MessageChange | null => {
    const patch = spec[side];
    if (patch === null) return null;
    const known = compiled[side].get(type);
    const made = known ?? compileChange(patch, type, ["patch", "grpc", side]);
    if (!known) compiled[side].set(type, made);
    return made;
  };
  allSteps(
    methodsOfRule(rule, schema).flatMap((method) =>
      (["request", "response"] as const).map((side) => () => changeOf(side, method[side])),
    ),
  );
  return {
    kind: "patch",
    fault: false,
    async apply(exchange, next) {
      const flavour = flavourOf(exchange.head);
      if (flavour === null) return next(exchange);
      // JSON names its fields itself: nobody is asked for its sake.
      const method =
        schema || flavour.codec === "proto" ? await methodOfExchange(exchange, schema, descriptors) : null;
      const note = (text: string) => exchange.note?.(`patch.grpc: left unchanged: ${text}`);
      const isJson = flavour.codec === "json";
      if (flavour.codec === "other" || (method === null && !isJson)) {
        note(
          method === null ? "no descriptor of its method is known" : `${flavour.contentType} is not known`,
        );
        return next(exchange);
      }
      const change = (side: Side) =>
        attempt(() => {
          const type = method?.[side] ?? null;
          return isJson || type === null ? inJson(side, type) : changeOf(side, type);
        }, note);
      const toUpstream = change("request");
      const toDownstream = change("response");
      const reply = await next(
        toUpstream ? withRequest(exchange, flavour, toUpstream, maxBytes, note) : exchange,
      );
      // What says of another status why there is no message, is none itself.
      if (toDownstream === null || reply.kind !== "response" || reply.status !== 200) return reply;
      const { status, reason, headers } = reply;
      const body = changedBody(reply.body, headers, flavour, toDownstream, maxBytes, note);
      return { kind: "response", status, reason, headers: withoutHeader(headers, "content-length"), body };
    },
  };
}

function attempt(make: () => MessageChange | null, note: (text: string) => void): MessageChange | null {
  try {
    return make();
  } catch (thrown) {
    note(messageOf(thrown));
    return null;
  }
}

function withRequest(
  exchange: Exchange,
  flavour: Flavour,
  change: MessageChange,
  maxBytes: number,
  note: (text: string) => void,
): Exchange {
  const { head } = exchange;
  if (head.method === "GET") note("its message stands in the query");
  const body = changedBody(exchange.body, head.headers, flavour, change, maxBytes, note);
  return { ...exchange, head: withoutLength(head), body };
}

/** The length that was announced is no longer known. */
function withoutLength(head: RequestHead): RequestHead {
  if (head.header("content-length") === undefined) return head;
  const headers = withoutHeader(head.headers, "content-length");
  const { method, scheme, authority, path } = head;
  return { method, scheme, authority, path, headers, header: (name) => headerValue(headers, name) };
}

function changedBody(
  body: Body,
  headers: HeaderList,
  flavour: Flavour,
  change: MessageChange,
  maxBytes: number,
  note: (text: string) => void,
): Body {
  const safely: MessageChange = (bytes) => {
    try {
      return change(bytes);
    } catch (thrown) {
      note(messageOf(thrown));
      return bytes;
    }
  };
  const trailers = () => body.trailers();
  if (body.lengthBytes === 0) return body;
  if (!isEnveloped(flavour)) {
    if (headerValue(headers, "content-encoding") !== undefined) {
      note("its content is encoded");
      return body;
    }
    return streamBody(
      null,
      async function* () {
        yield* bodyOf(safely(await body.read(maxBytes))).chunks();
      },
      trailers,
    );
  }
  const chunks = () => changedMessages(body.chunks(), headers, safely, maxBytes, note);
  if (flavour.name !== "grpc-web-text") return streamBody(null, chunks, trailers);
  const inText = () =>
    toTextChunks(changedMessages(fromTextChunks(body.chunks()), headers, safely, maxBytes, note));
  return streamBody(null, inText, trailers);
}

async function* changedMessages(
  chunks: AsyncIterable<Uint8Array>,
  headers: HeaderList,
  change: MessageChange,
  maxBytes: number,
  note: (text: string) => void,
): AsyncGenerator<Uint8Array> {
  const reader = new EnvelopeReader(maxBytes);
  for await (const chunk of chunks) {
    for (const found of reader.push(chunk)) {
      if (found instanceof Uint8Array) {
        note(`a message of more than ${maxBytes} bytes`);
        yield found;
      } else if ((found.flags & ~envelopeFlags.compressed) !== 0) yield found.raw;
      else {
        const plain = inflate(found, headers, maxBytes);
        if (plain === null) note("a message whose compression could not be undone");
        const changed = plain && change(plain);
        // A message may come uncompressed whatever the stream says (PROTOCOL-HTTP2 "Compressed-Flag").
        yield changed === null || changed === plain ? found.raw : envelope(0, changed);
      }
    }
  }
  if (reader.rest().length > 0) yield reader.rest();
}
