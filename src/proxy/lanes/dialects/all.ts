// The dialects that this program speaks over HTTP. One line each.

import type { Dialect } from "../../../core/dialect.ts";
import type { GraphqlDeps } from "./graphql/deps.ts";
import { graphqlOnDemand } from "./graphql/on-demand.ts";
import { createGrpcDialect } from "./grpc/dialect.ts";

/** What the dialects are lent by other stages. */
export type DialectDeps = GraphqlDeps;

/** Those of one process; what they learn and load is theirs. */
export function createDialects(deps: DialectDeps): readonly Dialect[] {
  return [createGrpcDialect(), graphqlOnDemand(deps)];
}
