// GraphQL as matching and performing see it. graphql-js is loaded with the first rule that speaks it.

import type { Dialect, DialectPlan, DialectTools } from "../../../../core/dialect.ts";
import type { Effect, Terminal } from "../../../../core/effect.ts";
import type { RuleSpec } from "../../../../core/rule.ts";
import {
  type GraphqlOverlaySpec,
  type GraphqlReplySpec,
  upstreamSchema,
} from "../../../../core/rule-graphql.ts";
import { RuleProblem } from "../../../../core/rule-problem.ts";
import { checkCoordinate } from "./coordinates.ts";
import type { GraphqlDeps } from "./deps.ts";
import { Documents } from "./documents.ts";
import { graphqlLibrary } from "./library.ts";
import { compileGraphqlMatch, concerning, LastRead, type MatchDeps } from "./match.ts";
import { resultTerminal } from "./mock/result-terminal.ts";
import { ScriptHost } from "./mock/script-host.ts";
import { schemaTerminal } from "./mock/terminal.ts";
import { createObserver } from "./observer.ts";
import { overlayEffect } from "./overlay/effect.ts";
import { fixedSchema, introspectedSchema, type SchemaSource } from "./overlay/schema-source.ts";
import { isTypeCoordinate } from "./overlay/targets.ts";
import { SchemaFiles } from "./schema-file.ts";
import { mayBeGraphql } from "./wire/http-request.ts";
import { PersistedQueries } from "./wire/persisted.ts";

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
    isEnough: () => false, // JSON says nothing before its end
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
        return { effects: [overlayOf(overlay, spec, tools, shared(), deps)], terminal: null };
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
  const terminal: Terminal =
    answer.kind === "result"
      ? resultTerminal(answer, { ...deps, ...tools, concerns })
      : schemaTerminal(answer, {
          ...deps,
          ...tools,
          ...shared,
          schema: shared.files.load(answer.schema, ["respond", "graphql", "schema"]),
          scripts,
          observer,
          concerns,
        });
  if (delay === null || terminal.kind === "relay") return { effects: [], terminal };
  return {
    effects: [],
    terminal: {
      ...terminal,
      async answer(exchange) {
        await tools.wait(delay, exchange.signal);
        return terminal.answer(exchange);
      },
    },
  };
}

function overlayOf(
  overlay: GraphqlOverlaySpec,
  spec: RuleSpec,
  tools: DialectTools,
  shared: Shared,
  deps: GraphqlDeps,
): Effect {
  return overlayEffect({
    ...deps,
    ...shared,
    wait: tools.wait,
    maxBodyBytes: tools.maxBodyBytes,
    spec: overlay,
    schemas: schemasOf(overlay, tools, shared, deps),
    concerns: concerning(spec.matches, shared),
  });
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
    for (const { coordinate } of overlay.fields)
      checkCoordinate(coordinate, schema, lib, [...path, coordinate]);
    return fixedSchema(schema);
  }
  const wanted =
    overlay.schema === upstreamSchema ||
    overlay.fields.some(({ coordinate }) => isTypeCoordinate(coordinate, null));
  return wanted ? introspectedSchema(lib, { ...deps, clock: tools.clock }) : fixedSchema(null);
}
