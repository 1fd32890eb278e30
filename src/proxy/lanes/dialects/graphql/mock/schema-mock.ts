// `respond.graphql: {schema: …}`: a GraphQL server made of a schema and a rule.

import type { GraphQLSchema } from "graphql";
import type { DialectTools } from "../../../../../core/dialect.ts";
import type { Exchange, Reply } from "../../../../../core/exchange.ts";
import type { GraphqlAnswerSpec } from "../../../../../core/rule-graphql.ts";
import type { GraphqlDeps } from "../deps.ts";
import type { Documents } from "../documents.ts";
import { overBatch } from "../limits.ts";
import type { Observer } from "../observer.ts";
import { type Answered, malformedReply, replyWith } from "../wire/http-reply.ts";
import { readHttpRequest } from "../wire/http-request.ts";
import { answerTypeOf } from "../wire/media-type.ts";
import type { GraphqlParams } from "../wire/params.ts";
import type { PersistedQueries } from "../wire/persisted.ts";
import { admit, answerOperation } from "./answer.ts";
import { Generator } from "./generate.ts";
import type { GraphqlMock } from "./graphql-mock.ts";
import { answerBatch, type MixedBatchDeps } from "./mixed-batch.ts";
import { prepareOverrides } from "./prepare.ts";
import { createResolver, createTypeResolver } from "./resolve.ts";
import type { ScriptHost } from "./script/script-host.ts";
import { eventStreamReply, type SubscriptionDeps, subscriptionResults } from "./subscription.ts";

export interface SchemaMockDeps
  extends GraphqlDeps,
    MixedBatchDeps,
    Pick<DialectTools, "wait" | "clock" | "maxBodyBytes"> {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly persisted: PersistedQueries;
  readonly scripts: ScriptHost;
  readonly observer: Observer;
}

/** Throws RuleProblem for an override that is wrong in itself. */
export function schemaMock(
  spec: GraphqlAnswerSpec & { readonly kind: "schema" },
  deps: SchemaMockDeps,
): GraphqlMock {
  const state: Record<string, unknown> = Object.create(null);
  const { lib } = deps.documents;
  const path = ["respond", "graphql", "overrides"];
  const { overrides, scripts } = prepareOverrides(spec.overrides, path, { ...deps, lib, state });
  const resolvers = {
    ...{ lib, overrides, state },
    schema: deps.schema,
    generator: new Generator({ lib, schema: deps.schema, seed: spec.seed }),
    listLength: spec.listLength,
    wait: deps.wait,
  };
  const answering: SubscriptionDeps = {
    ...deps,
    limits: spec.limits,
    fieldResolver: createResolver(resolvers),
    typeResolver: createTypeResolver(resolvers),
    scripts,
  };
  return {
    overHttp: (exchange) => answer(exchange, answering, deps),
    operation: (params, exchange) => answerOverSocket(params, exchange, answering),
  };
}

async function answer(exchange: Exchange, answering: SubscriptionDeps, deps: SchemaMockDeps): Promise<Reply> {
  const { head } = exchange;
  const body = head.method === "POST" ? await bodyOf(exchange, deps) : null;
  const request = readHttpRequest(head, body);
  if (request.kind === "malformed") return malformedReply(head, request.status, request.message);
  const { items, batch } = request;
  const refusal = overBatch(answering.limits, items.length, answering.documents.lib);
  if (refusal !== null) {
    answering.observer.refused(1);
    return replyWith(head, [{ result: { errors: [refusal.toJSON()] }, executed: false }], false);
  }
  const [only] = items;
  if (!batch && only !== undefined) return answerOne(only, exchange, answering);
  const answers = await answerBatch(items, exchange, (params) => answerIn(params, exchange, answering), deps);
  return replyWith(head, answers, batch);
}

async function answerOne(params: GraphqlParams, exchange: Exchange, deps: SubscriptionDeps): Promise<Reply> {
  const { head } = exchange;
  const type = typeOf(params, deps);
  if (type === "mutation" && head.method === "GET")
    return malformedReply(head, 405, "A mutation needs a POST.");
  if (type === "subscription" && answerTypeOf(head.header("accept")) === "event-stream") {
    const admitted = admit(params, deps);
    if (!("result" in admitted)) return eventStreamReply(subscriptionResults(admitted, exchange, deps));
  }
  return replyWith(head, [await answerIn(params, exchange, deps)], false);
}

/** Whatever carries it can carry a subscription. */
function answerOverSocket(params: GraphqlParams, exchange: Exchange, deps: SubscriptionDeps) {
  if (typeOf(params, deps) !== "subscription") return answerOperation(params, exchange, deps);
  const admitted = admit(params, deps);
  return "result" in admitted ? admitted : subscriptionResults(admitted, exchange, deps);
}

/** A single answer; a subscription has none. */
function answerIn(
  params: GraphqlParams,
  exchange: Exchange,
  deps: SubscriptionDeps,
): Answered | Promise<Answered> {
  if (typeOf(params, deps) !== "subscription") return answerOperation(params, exchange, deps);
  const admitted = admit(params, deps);
  if ("result" in admitted) return admitted;
  const message = "A subscription needs a stream: accept text/event-stream.";
  return { result: { errors: [{ message }] }, executed: false };
}

function typeOf(params: GraphqlParams, { documents, persisted }: SubscriptionDeps) {
  const text = persisted.documentOf(params);
  const parsed = text === null ? null : documents.parse(text);
  return parsed?.kind === "document" ? parsed.operation(params.operationName)?.type : undefined;
}

async function bodyOf(exchange: Exchange, deps: SchemaMockDeps): Promise<Uint8Array | null> {
  const held = await deps.holdBody(exchange.body, deps.maxBodyBytes);
  if (held.kind === "larger") return null;
  return deps.decodeBody(held.bytes, exchange.head.header("content-encoding"), deps.maxBodyBytes);
}
