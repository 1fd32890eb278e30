// GraphQL as matching and performing see it. graphql-js is loaded with the first rule that speaks it.

import type { Dialect, DialectMessages, DialectPlan, DialectTools } from "../../../../core/dialect.ts";
import type { Handler } from "../../../../core/exchange.ts";
import type { MessagePlan } from "../../../../core/message.ts";
import type { DelaySpec, RuleSpec } from "../../../../core/rule.ts";
import {
  type GraphqlOverlayField,
  type GraphqlOverlaySpec,
  type GraphqlReplySpec,
  upstreamSchema,
} from "../../../../core/rule-graphql.ts";
import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { checkCoordinate } from "./coordinates.ts";
import type { GraphqlDeps } from "./deps.ts";
import { Documents } from "./documents.ts";
import { graphqlLibrary } from "./library.ts";
import { compileGraphqlMatch, concerning, LastRead, type MatchDeps } from "./match.ts";
import type { GraphqlMock } from "./mock/graphql-mock.ts";
import { resultMock } from "./mock/result-mock.ts";
import { schemaMock } from "./mock/schema-mock.ts";
import { ScriptHost } from "./mock/script/script-host.ts";
import { createObserver } from "./observer.ts";
import { overlayEffect } from "./overlay/effect.ts";
import { OverlayRule } from "./overlay/overlay-rule.ts";
import { fixedSchema, introspectedSchema, type SchemaSource } from "./overlay/schema-source.ts";
import { isTypeCoordinate } from "./overlay/targets.ts";
import { SchemaFiles } from "./schema-file.ts";
import { answeredMessages } from "./socket/answered.ts";
import { overlaidMessages } from "./socket/overlaid.ts";
import { socketServer } from "./socket/server.ts";
import { checkValue, type ValueDeps, valuePath } from "./static-value.ts";
import { mayBeGraphql } from "./wire/http-request.ts";
import { PersistedQueries } from "./wire/persisted.ts";
import { graphqlSubprotocol } from "./wire/socket-message.ts";

/** What all rules of one process share. */
interface Shared extends MatchDeps {
  readonly lastRead: LastRead;
}

/** One for each process: its caches are for all rules. */
export function createGraphqlDialect(deps: GraphqlDeps): Dialect {
  let made: Shared | null = null;
  let scripts: ScriptHost | null = null;
  const shared = (): Shared => {
    if (made !== null) return made;
    const lib = graphqlLibrary();
    const caches = {
      documents: new Documents(lib),
      persisted: new PersistedQueries(),
      files: new SchemaFiles(lib),
    };
    made = { ...deps, ...caches, lastRead: new LastRead() };
    return made;
  };
  return {
    name: "graphql",
    claims: mayBeGraphql,
    bytesNeeded: () => Number.POSITIVE_INFINITY, // JSON says nothing before its end
    compileMatch(match, path) {
      if (match.graphql === undefined) return null;
      const common = shared();
      return compileGraphqlMatch(match.graphql, path, common, common.lastRead);
    },
    plan(spec, tools) {
      const { respond, patch } = spec;
      const overlay = patch?.graphql;
      if (respond?.kind !== "graphql") {
        if (overlay === undefined) return null;
        return overlayPlan(overlay, spec, tools, shared(), deps);
      }
      if (overlay !== undefined)
        throw new RuleProblem(["patch", "graphql"], "expected none beside respond, which asks no upstream");
      scripts ??= new ScriptHost(tools.clock);
      return answerPlan(respond, spec, tools, shared(), deps, scripts);
    },
  };
}

function answerPlan(
  respond: GraphqlReplySpec,
  spec: RuleSpec,
  tools: DialectTools,
  shared: Shared,
  deps: GraphqlDeps,
  scripts: ScriptHost,
): DialectPlan {
  const { answer, delay } = respond;
  const concerns = concerning(spec.matches, shared);
  const observer = createObserver(deps.tap, spec.name);
  const mock =
    answer.kind === "result"
      ? resultMock(answer, { ...deps, ...tools, concerns })
      : schemaMock(answer, {
          ...deps,
          ...tools,
          ...shared,
          schema: shared.files.load(answer.schema, ["respond", "graphql", "schema"]),
          scripts,
          observer,
          concerns,
        });
  const served = delay === null ? mock : delayed(mock, delay, tools);
  const whole: Handler = async (exchange) => {
    const subprotocol = graphqlSubprotocol(exchange.head);
    if (subprotocol === null) return served.overHttp(exchange);
    return socketServer(subprotocol, {
      ...tools,
      answer: served.operation,
      maxMessageBytes: tools.maxBodyBytes,
    });
  };
  return {
    effects: [],
    terminal: { kind: "mock", answer: whole, fixed: null, waits: delay !== null },
    // A match without a word of GraphQL claims the request for the WebSocket, and all that follows.
    ...overSockets(
      spec,
      answeredMessages(served.operation, concerns),
      (match) => match?.graphql !== undefined,
    ),
  };
}

const asked: DialectMessages["asked"] = {
  key: "graphql",
  expected: "a WebSocket that carries GraphQL, of subprotocol graphql-transport-ws or graphql-ws",
};

/** Faults are about calls: a rule that has one leaves messages alone, rather than doing half of what it says. */
function overSockets(
  { fault }: RuleSpec,
  messages: MessagePlan,
  appliesTo: DialectMessages["appliesTo"],
): Pick<DialectPlan, "overSockets"> {
  if (fault !== null) return {};
  const asks: DialectMessages["asks"] = (head) => graphqlSubprotocol(head) !== null;
  return { overSockets: { asks, asked, appliesTo, way: null, messages } };
}

function delayed(mock: GraphqlMock, delay: DelaySpec, { wait }: DialectTools): GraphqlMock {
  return {
    async overHttp(exchange) {
      await wait(delay, exchange.signal, exchange.faultEnds);
      return mock.overHttp(exchange);
    },
    async *operation(params, exchange) {
      await wait(delay, exchange.signal, exchange.faultEnds);
      const answered = await mock.operation(params, exchange);
      if ("result" in answered) yield answered.result;
      else yield* answered;
    },
  };
}

function overlayPlan(
  overlay: GraphqlOverlaySpec,
  spec: RuleSpec,
  tools: DialectTools,
  shared: Shared,
  deps: GraphqlDeps,
): DialectPlan {
  const rule = new OverlayRule({
    ...shared,
    clock: tools.clock,
    observer: createObserver(deps.tap, spec.name),
    spec: overlay,
    schemas: schemasOf(overlay, tools, shared, deps),
    concerns: concerning(spec.matches, shared),
    isEndpoint: spec.matches.length > 0 && spec.matches.every(({ path }) => path !== undefined),
  });
  const { wait, maxBodyBytes } = tools;
  const effect = overlayEffect({ ...deps, rule, wait, maxBodyBytes, lib: shared.documents.lib });
  const messages = overlaidMessages({ rule, wait, parseJson: deps.parseJson });
  return { effects: [effect], terminal: null, ...overSockets(spec, messages, () => true) };
}

function checkField(
  coordinate: string,
  action: GraphqlOverlayField["action"],
  place: RulePath,
  deps: ValueDeps,
): void {
  const named = checkCoordinate(coordinate, deps.schema, deps.lib, place);
  if (named.kind === "type")
    throw new RuleProblem(place, `expected a field such as ${coordinate}.id, got the type "${coordinate}"`);
  if (action.kind === "value") checkValue(action.value, named.type, valuePath(action.value, place), deps);
}

/** Types need a schema: where the rule names none, the upstream is asked for its own. */
function schemasOf(
  overlay: GraphqlOverlaySpec,
  tools: DialectTools,
  shared: Shared,
  deps: GraphqlDeps,
): SchemaSource {
  const { lib } = shared.documents;
  const path = ["patch", "graphql"];
  if (overlay.schema !== null && overlay.schema !== upstreamSchema) {
    const schema = shared.files.load(overlay.schema, [...path, "$schema"]);
    for (const { coordinate, action } of overlay.fields)
      checkField(coordinate, action, [...path, coordinate], { schema, lib });
    return fixedSchema(schema);
  }
  const wanted =
    overlay.schema === upstreamSchema ||
    overlay.fields.some(({ coordinate }) => isTypeCoordinate(coordinate, null));
  return wanted ? introspectedSchema(lib, { ...deps, clock: tools.clock }) : fixedSchema(null);
}
