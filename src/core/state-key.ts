// What tells the sessions of a scenario apart. Matching and performing must agree on it, so it lives here.

import { baggageValue } from "./baggage.ts";
import { cookieValue } from "./cookies.ts";
import type { RequestHead } from "./exchange.ts";
import { queryValue } from "./query.ts";
import type { StateSpec } from "./rule.ts";

/** The key of a call under a state: "" where the state has no key (one for all) or the call does not carry it. */
export function stateKeyOf(spec: StateSpec, head: RequestHead): string {
  if (spec.key === null) return "";
  const { from, name } = spec.key;
  switch (from) {
    case "header":
      return head.header(name.toLowerCase()) ?? "";
    case "cookie":
      return cookieValue(head.header("cookie"), name) ?? "";
    case "query":
      return queryValue(head.path, name) ?? "";
    case "baggage":
      return baggageValue(head.header("baggage"), name) ?? "";
    default:
      return from satisfies never;
  }
}
