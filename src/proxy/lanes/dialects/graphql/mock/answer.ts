// Answers operations from a schema: read, guarded, validated, executed.

import type { ExecutionResult, GraphQLError, GraphQLSchema } from "graphql";
import type { Clock } from "../../../../../core/clock.ts";
import type { Exchange } from "../../../../../core/exchange.ts";
import type { GraphqlLimits } from "../../../../../core/rule-graphql.ts";
import type { Documents, ParsedDocument } from "../documents.ts";
import { overLimit } from "../limits.ts";
import type { Observer } from "../observer.ts";
import type { Operation } from "../operation.ts";
import type { Answered } from "../wire/http-reply.ts";
import type { GraphqlParams } from "../wire/params.ts";
import { hashIsRight, notFound, type PersistedQueries, wrongHash } from "../wire/persisted.ts";
import type { MockCall, MockFieldResolver } from "./resolve.ts";

export interface AnswerDeps {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly persisted: PersistedQueries;
  readonly limits: GraphqlLimits;
  readonly fieldResolver: MockFieldResolver;
  readonly typeResolver: NonNullable<Parameters<Documents["lib"]["execute"]>[0]["typeResolver"]>;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** An operation that may be executed. */
export interface Admitted {
  readonly parsed: ParsedDocument;
  readonly operation: Operation;
  readonly variables: Readonly<Record<string, unknown>>;
}

const noVariables: Readonly<Record<string, unknown>> = {};

/** Parsed, within the limits and valid; or the answer that says why not. */
export function admit(params: GraphqlParams, deps: AnswerDeps): Admitted | Answered {
  const { documents, persisted, schema } = deps;
  if (!hashIsRight(params)) return { result: wrongHash, executed: false };
  const text = persisted.documentOf(params);
  // Clients of persisted queries look for this answer in a reply that succeeded.
  if (text === null) return { result: notFound, executed: true };
  const parsed = documents.parse(text);
  if (parsed.kind === "invalid") return refused([parsed.error], deps);
  const variables = params.variables ?? noVariables;
  const operation = parsed.operation(params.operationName);
  const over = operation && overLimit(deps.limits, parsed, operation, variables, documents.lib);
  if (over) return refused([over], deps);
  const errors = parsed.errorsUnder(schema);
  if (errors.length > 0) return refused(errors, deps);
  if (operation === undefined) return refused([noOperation(params, deps)], deps);
  return { parsed, operation, variables };
}

/** One query or mutation. */
export function answerOperation(
  params: GraphqlParams,
  exchange: Exchange,
  deps: AnswerDeps,
): Answered | Promise<Answered> {
  const admitted = admit(params, deps);
  if ("result" in admitted) return admitted;
  const { parsed, operation, variables } = admitted;
  const { lib } = deps.documents;
  const startedMs = deps.clock.now();
  const call: MockCall = { exchange, variables, made: 0 };
  const result = lib.execute({
    schema: deps.schema,
    document: parsed.document,
    operationName: operation.name,
    variableValues: variables,
    rootValue: undefined,
    contextValue: call,
    fieldResolver: deps.fieldResolver,
    typeResolver: deps.typeResolver,
  });
  const done = (given: ExecutionResult): Answered => {
    deps.observer.executed(operation, variables, deps.clock.now() - startedMs);
    // Without data nothing ran: the variables were wrong (GraphQL §6.1.2).
    return { result: given as Answered["result"], executed: given.data !== undefined };
  };
  return result instanceof Promise ? result.then(done) : done(result);
}

function noOperation({ operationName }: GraphqlParams, { documents: { lib } }: AnswerDeps): GraphQLError {
  return new lib.GraphQLError(
    operationName === null
      ? "Must provide operation name if query contains multiple operations."
      : `Unknown operation named "${operationName}".`,
  );
}

function refused(errors: readonly GraphQLError[], { observer }: AnswerDeps): Answered {
  observer.refused(errors.length);
  return { result: { errors: errors.map((error) => error.toJSON()) }, executed: false };
}

/** The result of what was not executed: errors alone. */
export function errorsOf(result: ExecutionResult): Answered["result"] {
  return { errors: (result.errors ?? []).map((error) => error.toJSON()) };
}
