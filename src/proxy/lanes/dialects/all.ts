// The dialects that this program speaks over HTTP. One line each.

import type { Dialect } from "../../../core/dialect.ts";

/** Those of one process; what they learn and load is theirs. */
export function createDialects(): readonly Dialect[] {
  return [];
}
