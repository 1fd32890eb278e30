// The dialects that this program speaks over HTTP. One line each.

import type { Dialect } from "../../../core/dialect.ts";
import { createGrpcDialect } from "./grpc/dialect.ts";
import { createLearnedDescriptors, type LearnedDeps } from "./grpc/learned-descriptors.ts";

/** Those of one process; what they learn and load is theirs. `upstreams`: who may be asked; left out: nobody is. */
export function createDialects(upstreams?: LearnedDeps): readonly Dialect[] {
  return [createGrpcDialect(upstreams && createLearnedDescriptors(upstreams))];
}
