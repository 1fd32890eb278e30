// What of a candidate can be looked up rather than tested: its exact values, prefixes, suffixes and templates.

import type { NamedMatch } from "../../core/rule.ts";
import type { Candidate } from "./candidate.ts";
import { exactHost, namesPort } from "./host-key.ts";
import { ipKey, parseIpRange } from "./ip-range.ts";

/** A way to look candidates up. `name` tells headers, query parameters, cookies and baggage entries apart. */
export interface Dimension {
  readonly kind:
    | "host"
    | "hostSuffix"
    | "path"
    | "template"
    | "pathPrefix"
    | "method"
    | "address"
    | "port"
    | "header"
    | "query"
    | "cookie"
    | "baggage";
  readonly name: string;
}

export interface Anchor {
  readonly dimension: Dimension;
  readonly value: string;
}

/**
 * Every way in which the candidate can be found: a call under which it holds carries each of these values.
 * What is not here (regex, contains, absent, CIDR blocks, body, expr) is tested one by one.
 */
export function anchorsOf(candidate: Candidate): readonly Anchor[] {
  const anchors: Anchor[] = [];
  const add = (kind: Dimension["kind"], value: string, name = "") =>
    anchors.push({ dimension: { kind, name }, value });
  const named = (kind: Dimension["kind"], list: readonly NamedMatch[] | undefined) => {
    for (const { name, match } of list ?? []) {
      if (match.op === "exact") add(kind, match.value, kind === "header" ? name.toLowerCase() : name);
    }
  };
  const { match, rule } = candidate;
  if (match?.host?.op === "exact") add("host", exactHost(match.host.value, []).host);
  if (match?.host?.op === "suffix" && !namesPort(match.host)) {
    add("hostSuffix", match.host.value.toLowerCase());
  }
  if (match?.path?.op === "exact") add("path", match.path.value);
  if (match?.path?.op === "template") add("template", match.path.value);
  if (match?.path?.op === "prefix") add("pathPrefix", match.path.value);
  if (match?.method?.op === "exact") add("method", match.method.value);
  const range = match?.destination?.cidr == null ? null : parseIpRange(match.destination.cidr);
  if (range && range.bits === range.words.length * 32) add("address", ipKey(range.words));
  if (match?.destination?.port != null) add("port", String(match.destination.port));
  named("header", match?.headers);
  named("query", match?.query);
  named("cookie", match?.cookies);
  named("header", rule.spec.scope.headers);
  named("baggage", rule.spec.scope.baggage);
  // An empty prefix or suffix finds nothing in particular.
  return anchors.filter(({ value, dimension }) => value !== "" || !/fix$/i.test(dimension.kind));
}
