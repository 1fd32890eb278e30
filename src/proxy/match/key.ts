// One condition of a rule: what it asks, how the index may find it, and how to say it to a person.

import type { Call } from "./call.ts";

export interface Key {
  /** Where the user wrote it, from the match or the rule: `headers.x-tenant`, `scope.percentage`. */
  readonly name: string;
  /** null: calls under which it holds cannot be looked up; it is tested one by one. */
  readonly anchor: Anchor | null;
  /** Pure, and never throws: a condition that cannot be evaluated does not hold. */
  test(call: Call): boolean;
  /** What would have held, for people. */
  expected(): string;
  /** What stood there, for people. */
  actual(call: Call): string;
}

/** What is looked up of a call. A space separates the name where there are many of a kind. */
export type Dimension =
  | "host"
  | "host-suffix"
  | "path"
  | "path-prefix"
  | "path-template"
  | "method"
  | "address"
  | "port"
  | `${"header" | "query" | "cookie" | "baggage"} ${string}`;

/** Every call under which the condition holds carries this value. */
export interface Anchor {
  readonly dimension: Dimension;
  readonly value: string;
  /** Whether it also holds of every call that carries the value: then it need not be tested once looked up. */
  readonly settles: boolean;
}
