// Subscriptions of a mocked schema over HTTP: a stream of server-sent events, as the distinct connections mode of
// GraphQL over SSE has it (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md).

import { streamBody } from "../../../../../core/body.ts";
import type { Exchange, ResponseReply } from "../../../../../core/exchange.ts";
import type { DelaySpec } from "../../../../../core/rule.ts";
import type { GraphqlResult } from "../wire/http-reply.ts";
import { contentTypeOf } from "../wire/media-type.ts";
import { type Admitted, type AnswerDeps, errorsOf } from "./answer.ts";
import type { EventScript } from "./prepare.ts";
import type { MockCall } from "./resolve.ts";

export interface SubscriptionDeps extends AnswerDeps {
  /** By `Subscription.field`. */
  readonly scripts: ReadonlyMap<string, EventScript>;
  readonly wait: (delay: DelaySpec, signal: AbortSignal) => Promise<void>;
}

/** The results of a subscription, one an event. Ends when its script does, or when the client leaves. */
export async function* subscriptionResults(
  { parsed, operation, variables }: Admitted,
  exchange: Exchange,
  deps: SubscriptionDeps,
): AsyncGenerator<GraphqlResult> {
  const { lib } = deps.documents;
  const call: MockCall = { exchange, variables, made: 0 };
  const started = await lib.subscribe({
    schema: deps.schema,
    document: parsed.document,
    operationName: operation.name,
    variableValues: variables,
    contextValue: call,
    fieldResolver: deps.fieldResolver,
    typeResolver: deps.typeResolver,
    subscribeFieldResolver: (_source, _args, _call, info) => eventsOf(info.fieldName, call, deps),
  });
  if (!(Symbol.asyncIterator in started)) return yield errorsOf(started);
  const ended = deps.observer.subscribed();
  try {
    for await (const result of started) {
      call.made = 0;
      yield { ...result } as GraphqlResult; // graphql-js types its errors more narrowly than they are printed
    }
  } finally {
    ended();
  }
}

/** The events of one field; a field without a script sends one made-up value. */
async function* eventsOf(
  field: string,
  { exchange }: MockCall,
  deps: SubscriptionDeps,
): AsyncGenerator<unknown> {
  const script = deps.scripts.get(`${deps.schema.getSubscriptionType()?.name}.${field}`);
  if (script === undefined) return yield {};
  do {
    for (const { after, value } of script.events) {
      if (after !== null) await deps.wait(after, exchange.signal);
      exchange.signal.throwIfAborted();
      yield { [field]: value };
    }
  } while (script.repeat);
}

/** The reply that carries a subscription. */
export function eventStreamReply(results: AsyncIterable<GraphqlResult>): ResponseReply {
  return {
    kind: "response",
    status: 200,
    reason: "",
    headers: [
      ["content-type", contentTypeOf("event-stream")],
      ["cache-control", "no-cache"],
    ],
    body: streamBody(null, () => encoded(results)),
  };
}

async function* encoded(results: AsyncIterable<GraphqlResult>): AsyncGenerator<Uint8Array> {
  for await (const result of results)
    yield Buffer.from(`event: next\ndata: ${JSON.stringify(result)}\n\n`, "utf8");
  yield Buffer.from("event: complete\ndata:\n\n", "utf8");
}
