// CEL expressions: what they see, when they wait for the body, what they may not do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compiled, decided, holds, outbound, problemsOf, ruleOf } from "./described.ts";

const call = {
  method: "POST",
  authority: "Pay.svc:8080",
  path: "/v1/charges?currency=usd&currency=eur&q=a+b",
  headers: [
    ["X-Tenant", "qa"],
    ["x-tenant", "dev"],
    ["Cookie", "session=s1; session=s2"],
  ],
} as const;

test("an expression sees the head and the connection", () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['request.method == "POST" && request.scheme == "http"', true],
    ['request.host == "pay.svc" && request.authority == "Pay.svc:8080"', true],
    ['request.path == "/v1/charges"', true],
    ['request.query.currency == "usd" && request.query["q"] == "a b"', true],
    ['request.headers["x-tenant"] == "qa, dev"', true],
    ['request.cookies.session == "s1"', true],
    ['"x-none" in request.headers', false],
    ["has(request.query.none)", false],
    ['connection.direction == "outbound" && connection.destination == "10.1.2.3:443"', true],
    ['connection.downstream.startsWith("127.0.0.1:")', true],
    ['request.path.matches("^/v[0-9]+/") && !request.path.matches("^charges")', true],
    ["request.headers.exists(name, name == 'cookie')", true],
    // Errors mean no.
    ['request.query.none == "x"', false],
    ["request.headers.size() + request.method > 1", false],
    ['request.nothing == "x"', false],
  ];
  for (const [expr, expected] of rows) assert.equal(holds({ expr }, call), expected, expr);
});

test("an expression on the body waits for it, and only such a one", () => {
  const rows: readonly (readonly [string, string | null])[] = [
    ["request.json.amount > 10", "need-body"],
    ['request.body.contains("x")', "need-body"],
    ['request["js" + "on"].a == 1', "need-body"],
    ["cel.bind(r, request, r.json.a == 1)", "need-body"],
    ["[request].exists(r, has(r.json))", "need-body"],
    ['request.headers["json"] == "1"', null],
    ['request["method"] == "POST"', "it"],
    ['"request.body" == request.method', null],
  ];
  for (const [expr, expected] of rows) {
    assert.equal(decided(compiled([ruleOf("it", [{ expr }])]), call), expected, expr);
  }
});

test("the body as text and as JSON; absent where it is none or too large", () => {
  const rows: readonly (readonly [string, string | null, boolean])[] = [
    ["request.json.amount > 10 && request.json.amount == 20", '{"amount":20}', true],
    ["request.json.items.exists(i, i.n == 2)", '{"items":[{"n":1},{"n":2}]}', true],
    ['request.json["a b"].matches("^x")', '{"a b":"xy"}', true],
    ['request.json.a.matches("x")', '{"a":1}', false],
    ["request.json.ok", '{"ok":true}', true],
    ["request.json.ok", '{"ok":1}', false],
    ['request.body == "x"', "x", true],
    ["has(request.json)", "{", false],
    ["!has(request.json)", "{", true],
    ["!has(request.json)", null, false],
    ['request.json.__proto__ == "x" || request.json.constructor == "x"', "{}", false],
  ];
  for (const [expr, body, expected] of rows)
    assert.equal(holds({ expr }, call, body), expected, `${expr} ${body}`);
});

test("a destination that nobody named is the empty text", () => {
  const rules = compiled([ruleOf("it", [{ expr: 'connection.destination == ""' }])]);
  assert.equal(decided(rules, call, { ...outbound, originalDestination: null }), "it");
});

test("`matches` on the evil pattern takes no longer than on any other", () => {
  const body = `${"a".repeat(50_000)}!`;
  assert.equal(holds({ expr: 'request.body.matches("^(a+)+$")' }, call, body), false);
});

test("bad expressions are problems with their place", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [
      "request.method ==",
      /^r matches\[0\]\.expr: expected a CEL expression that yields a bool, got "request.method ==": /,
    ],
    ["1 + 1", /it yields int$/],
    ["reqest.method == 'GET'", /Unknown variable: reqest$/],
    ['request.path.matches("(?=a)")', /expected a regular expression that RE2 understands, got "\(\?=a\)"/],
    ["request.path.matches(request.method)", /matches: expected a pattern written out as a string$/],
    ['5.matches("a")', /expected a CEL expression/],
    ['[1].matches("a")', /matches: expected a string before it, got list/],
    ["x".repeat(4_097), /at most 4096 characters, got 4097$/],
    [`${"(".repeat(60)}true${")".repeat(60)}`, /maxDepth/],
    [`[${Array(1_200).fill(1).join()}].size() > 1`, /maxListElements/],
  ];
  for (const [expr, expected] of rows) {
    assert.match(problemsOf([ruleOf("r", [{ expr }])])[0] ?? "", expected, expr);
  }
  // What it yields may be known only when there is a call.
  assert.equal(holds({ expr: "request.method" }, call), false);
});
