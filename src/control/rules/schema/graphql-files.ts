// The schema files that a rule names: where they lie, and that they are to be watched.

import { isAbsolute, resolve } from "node:path";
import type { RuleSpec } from "../../../core/rule.ts";
import { upstreamSchema } from "../../../core/rule-graphql.ts";

/** The same rule with every schema file as an absolute path, seen from `folder`. */
export function withAbsoluteSchemas<T extends Pick<RuleSpec, "matches" | "respond" | "patch">>(
  spec: T,
  folder: string,
): T {
  if (schemaFilesOf(spec).length === 0) return spec;
  const place = (path: string) => (isAbsolute(path) ? path : resolve(folder, path));
  const { respond, patch } = spec;
  return {
    ...spec,
    matches: spec.matches.map((match) =>
      match.graphql?.schema === undefined
        ? match
        : { ...match, graphql: { ...match.graphql, schema: place(match.graphql.schema) } },
    ),
    respond:
      respond?.kind === "graphql" && respond.answer.kind === "schema"
        ? { ...respond, answer: { ...respond.answer, schema: place(respond.answer.schema) } }
        : respond,
    patch:
      patch?.graphql?.schema && patch.graphql.schema !== upstreamSchema
        ? { ...patch, graphql: { ...patch.graphql, schema: place(patch.graphql.schema) } }
        : patch,
  };
}

/** The schema files that a rule names. */
export function schemaFilesOf(spec: Pick<RuleSpec, "matches" | "respond" | "patch">): readonly string[] {
  const { respond, patch } = spec;
  const answered =
    respond?.kind === "graphql" && respond.answer.kind === "schema" ? respond.answer.schema : null;
  const patched = patch?.graphql?.schema ?? null;
  return [
    ...spec.matches.flatMap((match) => match.graphql?.schema ?? []),
    ...(answered === null ? [] : [answered]),
    ...(patched === null || patched === upstreamSchema ? [] : [patched]),
  ];
}
