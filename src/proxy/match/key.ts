// One condition of a rule: what it asks, and how to say so to a person.

import type { Call } from "./call.ts";

export interface Key {
  /** Where the user wrote it, from the match or the rule: `headers.x-tenant`, `scope.percentage`. */
  readonly name: string;
  /** Pure, and never throws: a condition that cannot be evaluated does not hold. */
  test(call: Call): boolean;
  /** What would have held, for people. */
  expected(): string;
  /** What stood there, for people. */
  actual(call: Call): string;
}
