// The dialects that this program speaks over HTTP. One line each.

import type { Dialect } from "../../../core/dialect.ts";
import type { GraphqlDeps } from "./graphql/deps.ts";
import { graphqlOnDemand } from "./graphql/on-demand.ts";
import { createGrpcDialect } from "./grpc/dialect.ts";
import { createLearnedDescriptors, type LearnedDeps } from "./grpc/learned-descriptors.ts";

/** What the dialects are lent by other stages. */
export type DialectDeps = GraphqlDeps;

/** Those of one process; what they learn and load is theirs. `upstreams`: who may be asked for descriptors; null: nobody. */
export function createDialects(deps: DialectDeps, upstreams: LearnedDeps | null): readonly Dialect[] {
  const learned = upstreams === null ? undefined : createLearnedDescriptors(upstreams);
  return [createGrpcDialect(learned), graphqlOnDemand(deps)];
}
