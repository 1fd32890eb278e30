// `respond.graphql: {data, errors, extensions}`: one result for every operation that the rule claims.

import type { Exchange, Reply } from "../../../../../core/exchange.ts";
import type { GraphqlAnswerSpec } from "../../../../../core/rule-graphql.ts";
import type { RulePath } from "../../../../../core/rule-problem.ts";
import type { GraphqlDeps } from "../deps.ts";
import { type Answered, replyWith } from "../wire/http-reply.ts";
import { readHttpRequest } from "../wire/http-request.ts";
import { bodyOfParams, type GraphqlParams, isRecord } from "../wire/params.ts";
import type { GraphqlMock } from "./graphql-mock.ts";
import { answerBatch, type MixedBatchDeps } from "./mixed-batch.ts";

type Spec = GraphqlAnswerSpec & { readonly kind: "result" };
type Render = (exchange: Exchange, params: GraphqlParams) => unknown;

/** Throws RuleProblem for a template that is wrong in itself. */
export function resultMock(
  spec: Spec,
  deps: MixedBatchDeps & Pick<GraphqlDeps, "textTemplate" | "holdBody"> & { readonly maxBodyBytes: number },
): GraphqlMock {
  const render = spec.template ? templated(spec, deps) : still(spec);
  const executed = spec.data !== undefined;
  const operation = (params: GraphqlParams, exchange: Exchange): Answered => {
    const result = render(exchange, params);
    return { result: isRecord(result) ? result : {}, executed };
  };
  return {
    operation,
    async overHttp(exchange): Promise<Reply> {
      const { head } = exchange;
      const held = head.method === "POST" ? await deps.holdBody(exchange.body, deps.maxBodyBytes) : null;
      const bytes = held?.kind === "whole" ? held.bytes : null;
      const body = bytes && deps.decodeBody(bytes, head.header("content-encoding"), deps.maxBodyBytes);
      const request = readHttpRequest(head, body);
      // The rule has claimed it, whatever it is.
      const items = request.kind === "operations" ? request.items : [noParams];
      const own = (params: GraphqlParams) => operation(params, exchange);
      const batch = request.kind === "operations" && request.batch;
      return replyWith(head, batch ? await answerBatch(items, exchange, own, deps) : items.map(own), batch);
    },
  };
}

const noParams: GraphqlParams = {
  query: null,
  operationName: null,
  variables: null,
  extensions: null,
  hash: null,
};

function resultOf({ data, errors, extensions }: Spec): Record<string, unknown> {
  return {
    ...(errors === undefined ? {} : { errors }),
    ...(data === undefined ? {} : { data }),
    ...(extensions === undefined ? {} : { extensions }),
  };
}

function still(spec: Spec): Render {
  const result = resultOf(spec);
  return () => result;
}

/** Each string is filled in on its own, so that no value can break the result. */
function templated(spec: Spec, { textTemplate }: Pick<GraphqlDeps, "textTemplate">): Render {
  const prepare = (value: unknown, path: RulePath): Render => {
    if (typeof value === "string") {
      if (!value.includes("{{")) return () => value;
      const render = textTemplate(value, path);
      const isJson = /^\s*\{\{\s*json\s[^}]*\}\}\s*$/.test(value);
      return (exchange, params) => {
        const text = render(exchange, bodyOfParams(params));
        return isJson ? JSON.parse(text) : text;
      };
    }
    if (Array.isArray(value)) {
      const items = value.map((item, index) => prepare(item, [...path, index]));
      return (...call) => items.map((item) => item(...call));
    }
    if (!isRecord(value)) return () => value;
    const members = Object.entries(value).map(
      ([key, member]) => [key, prepare(member, [...path, key])] as const,
    );
    return (...call) => Object.fromEntries(members.map(([key, member]) => [key, member(...call)]));
  };
  return prepare(resultOf(spec), ["respond", "graphql"]);
}
