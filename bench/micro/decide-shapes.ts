// Rule sets of many shapes, with calls that hit and calls that miss: for measuring what a decision costs as rules grow.

import type { MatchSpec, RuleSpec } from "../../src/core/rule.ts";
import type { DescribedRequest } from "../../src/proxy/match/request-head.ts";
import { calledHost, realisticRequest } from "../requests.ts";
import { rulesOf as loadRulesOf } from "../rules.ts";

export interface Shape {
  readonly name: string;
  /** Whether the cost is meant to stay flat as rules grow; false: every rule is tested. */
  readonly flat: boolean;
  /** Where fewer rules would not be of all the kinds that the shape mixes. */
  readonly smallest?: number;
  /** Where 100,000 rules would take too long to compile. */
  readonly largest?: number;
  match(i: number): MatchSpec;
  /** A call that rule i claims. */
  hit(i: number): DescribedRequest;
  /** A call of the same kind that nobody claims. */
  miss(i: number): DescribedRequest;
}

const exact = (value: string) => ({ op: "exact", value }) as const;
const api = { authority: "api.shop.svc" } as const;
const usual = [
  ["user-agent", "bench/1.0"],
  ["accept", "*/*"],
  ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
] as const;

const at = (authority: string, path: string, extra: readonly (readonly [string, string])[] = []) => ({
  authority,
  path,
  headers: [["host", authority], ...usual, ...extra] as const,
});

/** The rules that stand in the way in the other scenarios, and calls as they make them. */
export const underLoad: Shape = {
  name: "as under load",
  flat: true,
  match: (i) => {
    const { host, method, path, byPrefix } = loadRuleOf(i);
    return {
      host: exact(host),
      ...(method === null ? {} : { method: exact(method) }),
      path: byPrefix ? { op: "prefix", value: path } : exact(path),
    };
  },
  hit: (i) => loadCall(loadRuleOf(i).host, `/v1/thing-${i}`),
  miss: (i) => loadCall(calledHost, `/v2/orders/${i % 256}?currency=eur`),
};

const loadRules = loadRulesOf(100_000);
function loadRuleOf(i: number) {
  const rule = loadRules[i];
  if (rule === undefined) throw new Error(`no rule ${i} among those of the load`);
  return rule;
}

const loadCall = (authority: string, path: string) => ({
  authority,
  path,
  headers: realisticRequest.headers.filter(([name]) => name !== "Host"),
});

export const shapes: readonly Shape[] = [
  underLoad,
  {
    name: "one host each",
    flat: true,
    match: (i) => ({ host: exact(`svc-${i}.shop.svc`) }),
    hit: (i) => at(`svc-${i}.shop.svc`, "/v1/items"),
    miss: (i) => at(`other-${i}.shop.svc`, "/v1/items"),
  },
  {
    name: "one host, exact paths",
    flat: true,
    match: (i) => ({ host: exact(api.authority), method: exact("GET"), path: exact(`/v1/items/${i}`) }),
    hit: (i) => at(api.authority, `/v1/items/${i}?page=2`),
    miss: (i) => at(api.authority, `/v2/items/${i}?page=2`),
  },
  {
    name: "one host, prefixes",
    flat: true,
    match: (i) => ({ host: exact(api.authority), path: { op: "prefix", value: `/v1/items-${i}/` } }),
    hit: (i) => at(api.authority, `/v1/items-${i}/price`),
    miss: (i) => at(api.authority, `/v2/items-${i}/price`),
  },
  {
    name: "one host, templates",
    flat: true,
    match: (i) => ({ host: exact(api.authority), path: { op: "template", value: `/users/{id}/thing-${i}` } }),
    hit: (i) => at(api.authority, `/users/4711/thing-${i}`),
    miss: (i) => at(api.authority, `/users/4711/other-${i}`),
  },
  {
    name: "one path, tenants by header",
    flat: true,
    match: (i) => ({
      host: exact(api.authority),
      path: exact("/v1/charges"),
      headers: [{ name: "x-tenant", match: exact(`t-${i}`) }],
    }),
    hit: (i) => at(api.authority, "/v1/charges", [["x-tenant", `t-${i}`]]),
    miss: (i) => at(api.authority, "/v1/charges", [["x-tenant", `u-${i}`]]),
  },
  {
    name: "one path, by query",
    flat: true,
    match: (i) => ({ path: exact("/search"), query: [{ name: "q", match: exact(`word-${i}`) }] }),
    hit: (i) => at(api.authority, `/search?q=word-${i}`),
    miss: (i) => at(api.authority, `/search?q=term-${i}`),
  },
  {
    name: "suffix hosts",
    flat: true,
    match: (i) => ({ host: { op: "suffix", value: `.team-${i}.svc` } }),
    hit: (i) => at(`api.team-${i}.svc`, "/v1/items"),
    miss: (i) => at(`api.crew-${i}.svc`, "/v1/items"),
  },
  {
    name: "no host, exact paths",
    flat: true,
    match: (i) => ({ path: exact(`/v1/items/${i}`) }),
    hit: (i) => at(api.authority, `/v1/items/${i}`),
    miss: (i) => at(api.authority, `/v2/items/${i}`),
  },
  {
    name: "all of these, 5 regex hosts",
    flat: true,
    smallest: 1_000,
    match: (i) => (i < 5 ? { host: { op: "regex", value: `re-${i}-.*` } } : (mixed[i % 8]?.match(i) ?? {})),
    hit: (i) => (i < 5 ? at(`re-${i}-x.svc`, "/") : (mixed[i % 8]?.hit(i) ?? at(api.authority, "/"))),
    miss: (i) => at(api.authority, `/nothing/${i}`),
  },
  {
    name: "regex paths, literal prefix",
    flat: true,
    largest: 5_000,
    match: (i) => ({ path: { op: "regex", value: `/v1/items/${i}/[a-z]+` } }),
    hit: (i) => at(api.authority, `/v1/items/${i}/price`),
    miss: (i) => at(api.authority, `/v2/items/${i}/price`),
  },
  {
    name: "regex paths, no literal prefix",
    flat: false,
    largest: 1_000,
    match: (i) => ({ path: { op: "regex", value: `.*/items/${i}` } }),
    hit: (i) => at(api.authority, `/v1/items/${i}`),
    miss: (i) => at(api.authority, `/v1/other/${i}`),
  },
  {
    name: "blocks of addresses",
    flat: false,
    largest: 1_000,
    match: (i) => ({ destination: { cidr: `10.${i >> 8}.${i & 255}.0/24`, hostname: null, port: null } }),
    hit: (i) => at(`10.${i >> 8}.${i & 255}.9`, "/"),
    miss: (i) => at(`11.${i >> 8}.${i & 255}.9`, "/"),
  },
];

/** The first eight of one condition each. */
const mixed = shapes.slice(1, 9);

/** `count` rules of one shape. */
export function rulesOf(shape: Shape, count: number): RuleSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `rule-${i}`,
    priority: 100,
    matches: [shape.match(i)],
    scope: {
      percentage: 100,
      decideBy: { by: "request" },
      expiresAtMs: null,
      ttlMs: null,
      headers: [],
      baggage: [],
      maxActive: null,
    },
    state: null,
    respond: null,
    fault: null,
    patch: null,
    origin: "",
  }));
}
