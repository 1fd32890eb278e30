// The index against the plain reading of the rules: every rule tested in order, one key after the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ConnectionFacts } from "../../../src/core/connection.ts";
import type {
  BodyMatch,
  MatchSpec,
  NamedMatch,
  RuleSpec,
  ScopeSpec,
  TextMatch,
} from "../../../src/core/rule.ts";
import type { Roll } from "../../../src/core/rule-set.ts";
import { explain } from "../../../src/proxy/match/explain.ts";
import { compiled, headOf, ruleOf } from "./described.ts";

// Few values, so that rules and calls meet often.
const hosts = ["a.svc", "b.svc", "x.a.svc", "B.SVC", "svc", "a.svc:81", "[::1]:80"] as const;
const paths = ["/", "/v1", "/v1/a", "/v1/b", "/users/1", "/users/1/pets", "/users//pets", "/users/"] as const;
const words = ["a", "b", "c d", "a, b", "", "é"] as const;
const names = ["x-t", "y", "x-u"] as const;

const textMatch: fc.Arbitrary<TextMatch> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words).map((value) => ({ op: "exact" as const, value })) },
  fc
    .tuple(
      fc.constantFrom("prefix" as const, "suffix" as const, "contains" as const),
      fc.constantFrom(...words),
    )
    .map(([op, value]) => ({ op, value })),
  fc.constant({ op: "regex" as const, value: "[ab].*" }),
  fc.constant({ op: "absent" as const }),
);
const named: fc.Arbitrary<NamedMatch> = fc.record({ name: fc.constantFrom(...names), match: textMatch });
const hostMatch: fc.Arbitrary<TextMatch> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hosts).map((value) => ({ op: "exact" as const, value })) },
  fc.constantFrom(".svc", ".a.svc", "svc", "").map((value) => ({ op: "suffix" as const, value })),
  fc.constant({ op: "regex" as const, value: "[ab]\\..*" }),
);
const pathMatch = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...paths).map((value) => ({ op: "exact" as const, value })) },
  fc.constantFrom("/", "/v1", "/users/", "/u", "").map((value) => ({ op: "prefix" as const, value })),
  {
    weight: 2,
    arbitrary: fc
      .constantFrom("/users/{id}", "/users/{id}/pets", "/{a}/{b}", "/{a}", "/v1/{x}")
      .map((value) => ({ op: "template" as const, value })),
  },
  fc.constant({ op: "regex" as const, value: "/users/\\d+" }),
);
const body: fc.Arbitrary<BodyMatch> = fc.constantFrom<BodyMatch>(
  { op: "contains", value: "a" },
  { op: "matchesJsonPath", expression: "$.a", test: null },
  { op: "not", of: { op: "equalTo", value: "b" } },
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2, nil: undefined });
const match: fc.Arbitrary<MatchSpec> = fc
  .record({
    host: optional(hostMatch),
    destination: fc.option(
      fc.constantFrom(
        { cidr: "10.0.0.1", hostname: null, port: null },
        { cidr: "10.0.0.0/8", hostname: null, port: 81 },
        { cidr: null, hostname: null, port: 80 },
        { cidr: "10.0.0.2", hostname: null, port: 80 },
        { cidr: "10.0.0.0/8", hostname: null, port: 80 },
        { cidr: "::1", hostname: null, port: null },
      ),
      { freq: 3, nil: undefined },
    ),
    direction: fc.option(fc.constantFrom("inbound" as const, "outbound" as const), {
      freq: 6,
      nil: undefined,
    }),
    method: optional(fc.constantFrom("GET", "POST").map((value) => ({ op: "exact" as const, value }))),
    path: optional(pathMatch),
    headers: optional(fc.array(named, { maxLength: 2 })),
    query: optional(fc.array(named, { maxLength: 2 })),
    cookies: fc.option(fc.array(named, { maxLength: 1 }), { freq: 3, nil: undefined }),
    body: fc.option(body, { freq: 3, nil: undefined }),
    expr: fc.option(
      fc.constantFrom('request.method == "GET"', 'request.json.a == "b"', "request.path.size() > 3"),
      {
        freq: 8,
        nil: undefined,
      },
    ),
  })
  .map((keys) => Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined)));
const scope: fc.Arbitrary<Partial<ScopeSpec>> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  fc.record({ percentage: fc.constantFrom(0, 30, 70) }),
  fc.record({ baggage: fc.array(named, { minLength: 1, maxLength: 2 }) }),
  fc.record({ headers: fc.array(named, { minLength: 1, maxLength: 1 }) }),
  fc.record({ expiresAtMs: fc.constantFrom(10, 20), maxActive: fc.constantFrom(1, null) }),
);
const keyNames = [
  "host",
  "destination",
  "direction",
  "method",
  "path",
  "headers",
  "query",
  "cookies",
  "body",
  "expr",
] as const;

/** Keys that the rules of one set use: with few kinds of keys, many rules share one way of being looked up. */
const kinds: fc.Arbitrary<readonly (keyof MatchSpec)[]> = fc.oneof(
  fc.constant(keyNames),
  fc.subarray([...keyNames], { minLength: 1, maxLength: 3 }),
);
const ruleSet: fc.Arbitrary<readonly RuleSpec[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.array(match, { maxLength: 3 }), scope, fc.constantFrom(1, 2, 100)), {
      maxLength: 60,
      size: "max",
    }),
    kinds,
    fc.boolean(),
  )
  .map(([rules, used, everyone]) =>
    rules
      .map(([matches, part, priority], i) => {
        const kept = matches.map((one) => only(one, used));
        return ruleOf(`r${i}`, kept, part, { priority });
      })
      // A rule that claims everything hides those behind it.
      .filter(({ matches }) => everyone || matches.every((one) => Object.keys(one).length > 0)),
  );

function only(spec: MatchSpec, used: readonly string[]): MatchSpec {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => used.includes(key)));
}

const header: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constantFrom(...names, "X-T"), fc.constantFrom(...words)),
  fc.constantFrom(
    ["Cookie", "x-t=a; y=b"] as const,
    ["cookie", 'x-u="a"; x-t=c d'] as const,
    ["baggage", "y=b;p=1, x-t=c%20d"] as const,
    ["baggage", "x-u=a,y=a"] as const,
  ),
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST"),
  authority: fc.constantFrom(...hosts, "", "A.SVC.", "c.svc:80"),
  path: fc
    .tuple(fc.constantFrom(...paths, "*"), fc.constantFrom("", "?", "?x-t=a&y=b&x-t=c+d", "?y=&x-u=%C3%A9"))
    .map(([path, query]) => path + query),
  headers: fc.array(header, { maxLength: 5 }),
});
const connection: fc.Arbitrary<ConnectionFacts> = fc.record({
  id: fc.constant("c1"),
  direction: fc.constantFrom("inbound" as const, "outbound" as const),
  downstream: fc.constant({ host: "127.0.0.1", port: 1 }),
  originalDestination: fc.constantFrom(
    null,
    { host: "10.0.0.1", port: 80 },
    { host: "::ffff:10.0.0.1", port: 81 },
    { host: "::1", port: 80 },
  ),
});
const payload = fc.constantFrom("", "a", "b", '{"a":"b"}', "[1]").map((text) => Buffer.from(text));

test("the index gives the verdict of a plain walk through the rules, before and after the body is known", () => {
  const seen = { claimed: 0, needBody: 0, none: 0 };
  fc.assert(
    fc.property(
      ruleSet,
      fc.array(fc.tuple(request, connection, payload, fc.nat()), { minLength: 1, maxLength: 8 }),
      (specs, calls) => {
        const rules = compiled(specs);
        for (const [described, facts, bytes, seed] of calls) {
          const roll: Roll = {
            nowMs: 15,
            steadyMs: 0,
            seed,
            activeCalls: (rule) => Number(rule.endsWith("1")),
            hasRoom: (rule, most) => Number(rule.endsWith("1")) < most,
            faultsHalted: false,
            stateOf: () => undefined,
          };
          const head = headOf(described);
          const plain = (known: Buffer | null) =>
            explain(rules, { head, connection: facts, body: known }, roll).winner?.spec.name ?? null;
          const first = rules.decide(head, facts, roll);
          const last = rules.decideWithBody(head, facts, bytes, roll);
          assert.equal(last?.spec.name ?? null, plain(bytes));
          assert.equal(rules.decideWithBody(head, facts, null, roll)?.spec.name ?? null, plain(null));
          if (first === "need-body") {
            seen.needBody++;
            continue;
          }
          // Settled by the head: then no body changes it.
          assert.equal(first, last);
          assert.equal(first, rules.decideWithBody(head, facts, Buffer.from('{"a":"b"} a'), roll));
          seen[first === null ? "none" : "claimed"]++;
        }
      },
    ),
    { seed: 7, numRuns: 700 },
  );
  // The generators must reach every kind of verdict, or the property would say little.
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 200, `${kind}: ${count}`);
});

test("need-body is said only where a rule that could claim waits for it", () => {
  fc.assert(
    fc.property(ruleSet, request, connection, fc.nat(), (specs, described, facts, seed) => {
      const roll: Roll = {
        nowMs: 15,
        steadyMs: 0,
        seed,
        activeCalls: () => 0,
        hasRoom: () => true,
        faultsHalted: false,
        stateOf: () => undefined,
      };
      const head = headOf(described);
      const rules = compiled(specs);
      if (rules.decide(head, facts, roll) !== "need-body") return;
      // The same rules with every body condition made to hold: the winner must be one that had such a condition.
      const eager = specs.map((spec) => ({
        ...spec,
        matches: spec.matches.map(({ body: _body, expr, ...rest }) => ({
          ...rest,
          ...(expr === undefined || expr.includes("json") ? {} : { expr }),
        })),
      }));
      const winner = compiled(eager).decide(head, facts, roll);
      assert.ok(winner !== null && winner !== "need-body");
      // No rule claims by the head alone that is as good.
      const settled = rules.decideWithBody(head, facts, null, roll);
      assert.ok(settled === null || settled.rank > winner.rank);
      const original = specs.find(({ name }) => name === winner.spec.name);
      assert.ok(original?.matches.some(({ body: onBody, expr }) => onBody || expr?.includes("json")));
    }),
    { seed: 11, numRuns: 300 },
  );
});

test("a connection that nobody parses is claimed by the first rule that names nothing of HTTP", () => {
  fc.assert(
    fc.property(ruleSet, connection, fc.nat(), (specs, facts, seed) => {
      const roll: Roll = {
        nowMs: 15,
        steadyMs: 0,
        seed,
        activeCalls: () => 0,
        hasRoom: () => true,
        faultsHalted: false,
        stateOf: () => undefined,
      };
      const plain = specs.filter(
        (spec) =>
          spec.matches.every((item) =>
            Object.keys(item).every((key) => /^(?:direction|destination)$/.test(key)),
          ) && spec.scope.headers.length + spec.scope.baggage.length === 0,
      );
      const expected = compiled(plain).decide(headOf({ authority: "", path: "/" }), facts, roll);
      assert.notEqual(expected, "need-body");
      const got = compiled(specs).decideConnection(facts, roll);
      assert.equal(
        got?.spec.name ?? null,
        expected === null || expected === "need-body" ? null : expected.spec.name,
      );
    }),
    { seed: 13, numRuns: 300 },
  );
});
