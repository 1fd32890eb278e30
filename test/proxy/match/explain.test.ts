// Why a call was claimed or not, told to people.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MatchSpec, RuleSpec } from "../../../src/core/rule.ts";
import type { Roll, RuleSet } from "../../../src/core/rule-set.ts";
import { explain } from "../../../src/proxy/match/explain.ts";
import { type DescribedRequest, requestHead } from "../../../src/proxy/match/request-head.ts";
import { compiled, headOf, outbound, rollOf, ruleOf } from "./described.ts";

const exact = (value: string) => ({ op: "exact", value }) as const;
const call: DescribedRequest = {
  method: "POST",
  url: "http://pay.svc/v1/charges?currency=usd",
  headers: [["x-tenant", "qa"]],
};

function explained(
  specs: readonly RuleSpec[],
  request = call,
  body: string | null = "{}",
  roll: Roll = rollOf(),
) {
  const bytes = body === null ? null : Buffer.from(body);
  return explain(compiled(specs), { head: headOf(request), connection: outbound, body: bytes }, roll);
}

/** `key: expected … got …` of the only miss. */
function missOf(match: MatchSpec, body?: string | null): string {
  const [miss] = explained([ruleOf("it", [match])], call, body).misses;
  return miss ? `${miss.failedKey}: expected ${miss.expected}, got ${miss.actual}` : "no miss";
}

test("the winner, and the item that holds", () => {
  const { winner, matchIndex, claims } = explained([
    ruleOf("it", [{ host: exact("b") }, { host: exact("pay.svc") }]),
  ]);
  assert.deepEqual([winner?.spec.name, matchIndex], ["it", 1]);
  assert.deepEqual(
    claims.map(({ percentage, drawn }) => [percentage, drawn]),
    [[100, true]],
  );
  assert.equal(explained([ruleOf("all", [])]).matchIndex, null);
});

test("the first key on which a rule failed, with what was expected and what stood there", () => {
  const rows: readonly (readonly [MatchSpec, string, (string | null)?])[] = [
    [{ host: exact("buy.svc") }, 'host: expected "buy.svc", got "pay.svc"'],
    [{ method: exact("GET") }, 'method: expected "GET", got "POST"'],
    [
      { path: { op: "template", value: "/v1/{x}/y" } },
      'path: expected template "/v1/{x}/y", got "/v1/charges"',
    ],
    [{ headers: [{ name: "x-tenant", match: exact("dev") }] }, 'headers.x-tenant: expected "dev", got "qa"'],
    [{ headers: [{ name: "x-none", match: exact("dev") }] }, 'headers.x-none: expected "dev", got absent'],
    [
      { headers: [{ name: "x-tenant", match: { op: "absent" } }] },
      'headers.x-tenant: expected absent, got "qa"',
    ],
    [
      { query: [{ name: "currency", match: { op: "prefix", value: "e" } }] },
      'query.currency: expected prefix "e", got "usd"',
    ],
    [{ cookies: [{ name: "s", match: exact("1") }] }, 'cookies.s: expected "1", got absent'],
    [{ direction: "inbound" }, "direction: expected inbound, got outbound"],
    [
      { destination: { cidr: "10.9.0.0/16", hostname: null, port: 1 } },
      "destination: expected 10.9.0.0/16:1, got 10.1.2.3:443",
    ],
    [{ body: { op: "contains", value: "x" } }, 'body: expected contains "x", got "{}"'],
    [
      { body: { op: "contains", value: "x" } },
      'body: expected contains "x", got no body, or one too large to be held',
      null,
    ],
    [
      {
        body: {
          op: "and",
          of: [
            { op: "matchesJsonPath", expression: "$.a", test: { op: "lessThan", value: 3 } },
            {
              op: "not",
              of: { op: "equalToJson", value: [1], ignoreArrayOrder: false, ignoreExtraElements: false },
            },
          ],
        },
      },
      'body: expected (matchesJsonPath $.a lessThan 3) and (not (equalToJson [1])), got "{}"',
    ],
    [
      { body: { op: "matchesJsonSchema", schema: { type: "array" } } },
      'body: expected matchesJsonSchema "{\\"type\\":\\"array\\"}", got "{}"',
    ],
    [
      { body: { op: "matchesJsonPath", expression: "$.a", test: null } },
      'body: expected matchesJsonPath $.a, got "{}"',
    ],
    [{ expr: "request.json.a == 1" }, "expr: expected request.json.a == 1, got error: No such key: a"],
    [
      { expr: "request.json.a == 1" },
      "expr: expected request.json.a == 1, got no body, or one too large to be held",
      null,
    ],
    [{ expr: "request.method == 'GET'" }, "expr: expected request.method == 'GET', got false"],
  ];
  for (const [match, expected, body] of rows) assert.equal(missOf(match, body), expected);
});

test("misses of state and scope", () => {
  const rows: readonly (readonly [RuleSpec, string])[] = [
    [
      ruleOf("it", [], { expiresAtMs: 5 }),
      "scope.expiresAt before 1970-01-01T00:00:00.005Z 1970-01-01T00:00:00.010Z",
    ],
    [
      ruleOf("it", [], { expiresAtMs: -9e15 }),
      "scope.expiresAt before -9000000000000000 ms 1970-01-01T00:00:00.010Z",
    ],
    [ruleOf("it", [], { maxActive: 2 }), "scope.maxActive fewer than 2 calls at once 2 in flight"],
    [ruleOf("it", [], { percentage: 0 }), "scope.percentage 0 % of such calls not drawn"],
    [ruleOf("it", [], { baggage: [{ name: "u", match: exact("alice") }] }), 'scope.baggage.u "alice" absent'],
    [
      ruleOf("it", [], { headers: [{ name: "x-tenant", match: exact("a") }] }),
      'scope.headers.x-tenant "a" "qa"',
    ],
    [
      ruleOf("it", [], {}, { state: { name: "cart", key: null, is: "paid", becomes: null } }),
      'state.is cart is "paid" "initial"',
    ],
  ];
  for (const [spec, expected] of rows) {
    const { winner, misses } = explained([spec], call, "{}", rollOf({ nowMs: 10, activeCalls: () => 2 }));
    assert.equal(winner, null);
    assert.deepEqual(
      misses.map(({ failedKey, expected: wanted, actual }) => `${failedKey} ${wanted} ${actual}`),
      [expected],
    );
  }
});

test("a rule for a share of the calls is told as such, and the next one for the others", () => {
  const specs = [
    ruleOf("tenth", [], { percentage: 10 }),
    ruleOf("other", [{ host: exact("b") }]),
    ruleOf("rest", []),
    ruleOf("never", []),
  ];
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];
  const all = seeds.map((seed) => explained(specs, call, "{}", rollOf({ seed })));
  assert.deepEqual([...new Set(all.map(({ winner }) => winner?.spec.name))].sort(), ["rest", "tenth"]);
  for (const { winner, claims, misses } of all) {
    assert.deepEqual(
      claims.map(({ rule, percentage }) => `${rule.spec.name} ${percentage}`),
      ["tenth 10", "rest 100"],
    );
    assert.equal(claims.find(({ drawn }) => drawn)?.rule, winner);
    assert.equal(
      misses.some(({ failedKey }) => failedKey === "scope.percentage"),
      winner?.spec.name === "rest",
    );
  }
});

test("the closest misses come first, five at most, each with its closest item", () => {
  const two = { host: exact("pay.svc"), method: exact("GET") };
  const far = Array.from({ length: 9 }, (_, i) =>
    ruleOf(`far-${i}`, [{ host: exact("b"), method: exact("GET") }]),
  );
  const { misses } = explained([...far, ruleOf("near", [{ host: exact("b") }, two])]);
  assert.equal(misses.length, 5);
  const [near] = misses;
  assert.deepEqual([near?.rule.spec.name, near?.matchIndex, near?.satisfied, near?.keys], ["near", 1, 1, 2]);
  assert.equal(misses[1]?.rule.spec.name, "far-0");
});

test("long values are cut", () => {
  const [miss] = explained(
    [ruleOf("it", [{ body: { op: "equalTo", value: "y" } }])],
    call,
    "x".repeat(1_000),
  ).misses;
  assert.equal(miss?.actual, `"${"x".repeat(200)}"… (1000 characters)`);
});

test("a rule set made elsewhere is refused", () => {
  const foreign = { revision: "", rules: [] } as unknown as RuleSet; // no other implementation exists to try it with
  const described = { head: headOf(call), connection: outbound, body: null };
  assert.throws(() => explain(foreign, described, rollOf()), /expected rules from compileRules/);
});

test("a request is described by its URL, or by authority and path", () => {
  const rows: readonly (readonly [DescribedRequest, string | null])[] = [
    [{ url: "http://a" }, "GET http a /"],
    [{ url: "HTTPS://u:p@A:8/x?y#z" }, "GET https A:8 /x?y"],
    [{ url: "http://a?q=1" }, "GET http a /?q=1"],
    [{ url: "http://[::1]:80/x" }, "GET http [::1]:80 /x"],
    [{ url: "http://a/x", headers: [["Host", "b"]] }, "GET http b /x"],
    [{ method: "PUT", authority: "a", path: "*", scheme: "https" }, "PUT https a *"],
    [{ url: "ftp://a/" }, null],
    [{ url: "/x" }, null],
    [{ url: "http://a b/" }, null],
  ];
  for (const [request, expected] of rows) {
    const head = requestHead(request);
    const text = head && `${head.method} ${head.scheme} ${head.authority} ${head.path}`;
    assert.equal(text, expected);
  }
});

test("a request for a tunnel is about rules that name the method, and no others", () => {
  const connect = { method: "CONNECT", url: "http://pay.svc:443", headers: [] };
  const head = { ...headOf(connect), path: "", authority: "pay.svc:443" };
  const rules = [
    ruleOf("host", [{ host: exact("pay.svc") }]),
    ruleOf("all", []),
    ruleOf("tunnels", [{ host: exact("pay.svc"), method: exact("CONNECT") }]),
  ];
  const { winner, misses } = explain(compiled(rules), { head, connection: outbound, body: null }, rollOf());
  assert.equal(winner?.spec.name, "tunnels");
  assert.deepEqual(
    misses.map(({ rule, failedKey, actual }) => `${rule.spec.name}: ${failedKey}, ${actual}`),
    ["host", "all"].map((name) => `${name}: method, a request for a tunnel`),
  );
});
