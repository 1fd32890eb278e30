// GraphQL for sets of rules that may say nothing of it: the dialect, 4 MB of memory, is loaded with the first rule that
// does, and graphql-js with it.

import { createRequire } from "node:module";
import type { Dialect } from "../../../../core/dialect.ts";
import type { GraphqlDeps } from "./deps.ts";
import { mayBeGraphql } from "./wire/http-request.ts";

/** By require, because rules are compiled without a wait. */
const load = createRequire(import.meta.url);

/** One for each process. */
export function graphqlOnDemand(deps: GraphqlDeps): Dialect {
  let made: Dialect | null = null;
  const dialect = (): Dialect => {
    if (made !== null) return made;
    // The same file as this one is: .ts where the sources run, .js where they were built.
    const path = `./dialect${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`;
    const { createGraphqlDialect } = load(path) as typeof import("./dialect.ts"); // the cast says what the module is
    made = createGraphqlDialect(deps);
    return made;
  };
  return {
    name: "graphql",
    claims: mayBeGraphql,
    bytesNeeded: (head, payload) => made?.bytesNeeded(head, payload) ?? Number.POSITIVE_INFINITY,
    compileMatch: (match, path, tools) =>
      match.graphql === undefined ? null : dialect().compileMatch(match, path, tools),
    plan(spec, tools) {
      const speaks = spec.respond?.kind === "graphql" || spec.patch?.graphql !== undefined;
      return speaks ? dialect().plan(spec, tools) : null;
    },
  };
}
