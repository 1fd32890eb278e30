// One reply of gRPC, messages in turn and a status, and the terminal of `fault.abort: {grpcStatus: …}`.

import type { DialectTools, JsonTemplate } from "../../../../core/dialect.ts";
import type { Terminal } from "../../../../core/effect.ts";
import { messageOf } from "../../../../core/errors.ts";
import type { Exchange, Handler, Reply } from "../../../../core/exchange.ts";
import type { RuleSpec } from "../../../../core/rule.ts";
import type { GrpcMessageSpec, GrpcReplySpec, GrpcStatusSpec } from "../../../../core/rule-grpc.ts";
import { allSteps, type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { encodeChecked } from "./checked-message.ts";
import { exceededStatus } from "./deadline.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage, MessageMismatch } from "./encode.ts";
import { messageJson } from "./first-message.ts";
import { type Flavour, flavourOf } from "./flavour.ts";
import type { MessageType } from "./message-type.ts";
import { replyIn, statusReply } from "./reply.ts";
import { RequestMessages } from "./request-messages.ts";
import { type Descriptors, methodOfExchange, methodsOfRule, schemaOfRule } from "./rule-types.ts";
import { bareSchema, type MethodType, type Schema } from "./schema.ts";
import type { Status } from "./status.ts";

const notGrpc: Reply = {
  kind: "response",
  status: 415,
  reason: "",
  headers: [],
  body: { lengthBytes: 0, async *chunks() {}, read: async () => Buffer.alloc(0), trailers: () => [] },
};

/** Ends the call with a status, in the words of its flavour. */
export function grpcAbort({ code, text }: GrpcStatusSpec): Terminal {
  const answer = async ({ head }: Exchange): Promise<Reply> => {
    const flavour = flavourOf(head);
    return flavour ? statusReply(flavour, code, text) : notGrpc;
  };
  return { kind: "abort", answer, fixed: null };
}

interface PreparedMessage {
  readonly spec: GrpcMessageSpec;
  readonly path: RulePath;
  readonly template: JsonTemplate | null;
}

interface Prepared {
  readonly spec: GrpcReplySpec;
  readonly schema: Schema | null;
  readonly messages: readonly PreparedMessage[];
  readonly text: JsonTemplate | null;
  readonly details: readonly Buffer[];
  readonly tools: DialectTools;
  readonly descriptors: Descriptors;
}

/** `root`: of the reply in its rule. Throws RuleProblem where a message does not fit a method that the rule names. */
export function grpcMock(
  spec: GrpcReplySpec,
  rule: RuleSpec,
  descriptors: Descriptors,
  tools: DialectTools,
  root: RulePath,
): Handler {
  const schema = schemaOfRule(rule, descriptors);
  const messages = spec.messages.map((message, index): PreparedMessage => {
    const path = spec.listed ? [...root, "messages", index, "message"] : [...root, "message"];
    return { spec: message, path, template: spec.template ? tools.template(message.value, path) : null };
  });
  const prepared: Prepared = {
    spec,
    schema,
    messages,
    text: spec.template ? tools.template(spec.text, [...root, "message"]) : null,
    details: allSteps(
      spec.details.map((detail, index) => () => encodeDetail(detail, schema, [...root, "details", index])),
    ),
    tools,
    descriptors,
  };
  const methods = methodsOfRule(rule, schema);
  checkCount(spec, methods, root);
  if (!spec.template)
    allSteps(
      methods.flatMap(({ response }) =>
        messages.map(
          ({ spec: message, path }) =>
            () =>
              encodeChecked(message.value, response, path),
        ),
      ),
    );
  return (exchange) => answerCall(exchange, prepared);
}

/** A method that answers with one message has no use for several: its clients take that for a broken server. */
function checkCount({ messages }: GrpcReplySpec, methods: readonly MethodType[], root: RulePath): void {
  const single = methods.some(({ serverStreams }) => !serverStreams);
  if (single && messages.length > 1)
    throw new RuleProblem(
      [...root, "messages"],
      `expected one message, since the method does not stream its answers, got ${messages.length}`,
    );
}

function encodeDetail(detail: unknown, schema: Schema | null, path: RulePath): Buffer {
  const any = (schema ?? bareSchema()).type("google.protobuf.Any");
  if (!any) throw new RuleProblem(path, "expected descriptors that hold google.protobuf.Any");
  return encodeChecked(detail, any, path);
}

async function answerCall(exchange: Exchange, prepared: Prepared): Promise<Reply> {
  const flavour = flavourOf(exchange.head);
  if (flavour === null) return notGrpc;
  const { spec, tools, messages } = prepared;
  // A status alone needs no descriptors: nobody is kept waiting for any.
  const speaks = messages.length > 0 || spec.template;
  const method =
    speaks || prepared.schema
      ? await methodOfExchange(exchange, prepared.schema, prepared.descriptors)
      : null;
  if (method) checkCount(spec, [method], []); // known only now where the upstream has told its descriptors
  const waits = spec.template || messages.some((message) => message.spec.afterMessages > 0);
  const request = waits || method?.clientStreams ? new RequestMessages(exchange, flavour) : null;
  const talks = method?.serverStreams === true || messages.some((message) => message.spec.afterMessages > 0);
  if (spec.delay) await tools.wait(spec.delay, exchange.signal, exchange.faultEnds);
  // Whoever streams alone is heard to the end; of a request alone the message is enough.
  if (request && !talks)
    await request.arrived(method?.clientStreams ? Number.POSITIVE_INFINITY : 1, exchange.signal);
  else if (request && spec.template) await request.arrived(1, exchange.signal);
  const seen = request?.first ? messageJson(request.first, flavour, method?.request ?? null) : null;
  const code = (value: JsonTemplate | null, plain: unknown) => (value ? value(exchange, seen) : plain);
  try {
    const end: Status = {
      code: spec.code,
      text: String(code(prepared.text, spec.text)),
      details: prepared.details,
    };
    const encoded = messages.map(({ template, spec: { value } }) =>
      encodeFor(flavour, code(template, value), method?.response ?? null),
    );
    const stream = messages.length === 0 ? null : send(encoded, messages, end, { exchange, request, tools });
    return await replyIn(flavour, {
      metadata: spec.metadata,
      trailers: spec.trailers,
      messages: stream,
      status: end,
    });
  } catch (thrown) {
    const text = `understudy: the reply of a rule could not be made: ${messageOf(thrown)}`;
    exchange.note?.(text);
    return statusReply(flavour, 13, text);
  }
}

/** Throws Error where the message cannot be coded as the call wants it. */
function encodeFor(flavour: Flavour, value: unknown, type: MessageType | null): Uint8Array {
  if (flavour.codec === "json")
    return Buffer.from(JSON.stringify(type ? decodeMessage(encodeMessage(value, type), type) : value));
  if (flavour.codec === "other") throw new Error(`${flavour.contentType} is not understood`);
  if (type === null) throw new Error("no descriptor of its method is known (descriptors: in the rules file)");
  try {
    return encodeMessage(value, type);
  } catch (thrown) {
    const place =
      thrown instanceof MessageMismatch && thrown.path.length > 0 ? `${thrown.path.join(".")}: ` : "";
    throw new Error(`${place}${messageOf(thrown)}`, { cause: thrown });
  }
}

interface Sending {
  readonly exchange: Exchange;
  readonly request: RequestMessages | null;
  readonly tools: DialectTools;
}

/** The messages when they are due, then the status; the deadline's, where that comes first. */
async function* send(
  encoded: readonly Uint8Array[],
  messages: readonly PreparedMessage[],
  end: Status,
  { exchange: { signal, faultEnds }, request, tools }: Sending,
): AsyncGenerator<Uint8Array, Status> {
  try {
    for (const [index, bytes] of encoded.entries()) {
      const spec = messages[index]?.spec;
      if (spec && spec.afterMessages > 0) await request?.arrived(spec.afterMessages, signal);
      if (spec?.delay) await tools.wait(spec.delay, signal, faultEnds);
      yield bytes;
    }
    return end;
  } catch (thrown) {
    const exceeded = exceededStatus(signal);
    if (exceeded) return exceeded;
    throw thrown;
  }
}
