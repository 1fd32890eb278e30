// Conditions on the body: text, JSON, JSONPath, JSON Schema and their combinations.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyMatch, JsonPathTest } from "../../../src/core/rule.ts";
import { jsonEqual } from "../../../src/proxy/match/json-equal.ts";
import { compiled, decided, headOf, holds, outbound, problemsOf, rollOf, ruleOf } from "./described.ts";

const post = { method: "POST", authority: "a", path: "/" } as const;

function table(rows: readonly (readonly [BodyMatch, body: string | null, expected: boolean])[]): void {
  for (const [body, payload, expected] of rows) {
    assert.equal(holds({ body }, post, payload), expected, JSON.stringify([body, payload]));
  }
}

test("text: equal, contained, matched as a whole", () => {
  table([
    [{ op: "equalTo", value: "é" }, "é", true],
    [{ op: "equalTo", value: "a" }, "a ", false],
    [{ op: "equalTo", value: "" }, "", true],
    [{ op: "contains", value: "b" }, "abc", true],
    [{ op: "matches", value: "b" }, "abc", false],
    [{ op: "matches", value: ".*b.*" }, "abc", true],
    [{ op: "matches", value: ".*b.*" }, "a\nbc", false],
    [{ op: "matches", value: "(?s).*b.*" }, "a\nbc", true],
  ]);
});

test("and, or and not nest", () => {
  const has = (value: string): BodyMatch => ({ op: "contains", value });
  table([
    [{ op: "and", of: [has("a"), has("b")] }, "ab", true],
    [{ op: "and", of: [has("a"), has("b")] }, "a", false],
    [{ op: "or", of: [has("a"), { op: "not", of: has("b") }] }, "c", true],
    [{ op: "or", of: [has("a"), { op: "not", of: has("b") }] }, "b", false],
  ]);
});

test("a body too large to be held matches nothing, not even not", () => {
  table([
    [{ op: "contains", value: "" }, null, false],
    [{ op: "not", of: { op: "contains", value: "x" } }, null, false],
  ]);
});

test("what is not JSON satisfies no JSON condition and throws nowhere", () => {
  for (const payload of ["", "{", "<a/>", "\u0000", '{"a":1}x']) {
    table([
      [{ op: "equalToJson", value: {}, ignoreArrayOrder: true, ignoreExtraElements: true }, payload, false],
      [{ op: "matchesJsonPath", expression: "$", test: null }, payload, false],
      [{ op: "matchesJsonPath", expression: "$.a", test: { op: "absent" } }, payload, false],
      [{ op: "matchesJsonSchema", schema: {} }, payload, false],
      [{ op: "not", of: { op: "matchesJsonSchema", schema: {} } }, payload, true],
    ]);
  }
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const recursive = {
    $defs: { list: { type: "array", items: { $ref: "#/$defs/list" } } },
    $ref: "#/$defs/list",
  };
  table([
    [{ op: "matchesJsonPath", expression: "$..a", test: null }, deep, false],
    [{ op: "matchesJsonSchema", schema: recursive }, deep, false],
  ]);
});

test("equalToJson: members without order, elements in order, extras and order ignored on request, at any depth", () => {
  const rows: readonly (readonly [string, string, order: boolean, extra: boolean, expected: boolean])[] = [
    ['{"a":1,"b":[1,{"c":null}]}', '{"b":[1.0,{"c":null}],"a":1e0}', false, false, true],
    ['{"a":1}', '{"a":1,"b":2}', false, false, false],
    ['{"a":1}', '{"a":1,"b":2}', false, true, true],
    ['{"a":null}', "{}", false, true, false],
    ['{"a":{"b":1}}', '{"a":{"b":1,"c":2}}', false, true, true],
    ["[1,2]", "[2,1]", false, false, false],
    ["[1,2]", "[2,1]", true, false, true],
    ["[1,1,2]", "[1,2,2]", true, false, false],
    ["[1,3]", "[1,2,3]", false, false, false],
    ["[1,3]", "[1,2,3]", false, true, true],
    ["[3,1]", "[1,2,3]", false, true, false],
    ["[3,1]", "[1,2,3]", true, true, true],
    ['[{},{"a":1}]', '[{"a":1},{"b":1}]', true, true, true],
    ['[{"a":1},{"a":1}]', '[{"a":1},{"b":1}]', true, true, false],
    ["[[2,1]]", "[[1,2]]", true, false, true],
    ["[]", "{}", false, true, false],
    ["{}", "[]", false, true, false],
    ["{}", "null", false, true, false],
    ['"1"', "1", false, false, false],
    ['{"__proto__":1}', '{"a":1}', false, true, false],
  ];
  for (const [expected, actual, ignoreArrayOrder, ignoreExtraElements, equal] of rows) {
    const got = jsonEqual(JSON.parse(expected), JSON.parse(actual), {
      ignoreArrayOrder,
      ignoreExtraElements,
    });
    assert.equal(got, equal, `${expected} ${actual}`);
  }
});

test("matchesJsonPath: any selected value that passes is enough", () => {
  const order = JSON.stringify({
    amount: 1500,
    who: "Tom",
    paid: true,
    note: null,
    items: [{ n: 1 }, { n: 20 }],
  });
  const rows: readonly (readonly [string, JsonPathTest | null, boolean])[] = [
    ["$.amount", null, true],
    ["$.nothing", null, false],
    ["$.note", null, true],
    ["$.nothing", { op: "absent" }, true],
    ["$.amount", { op: "absent" }, false],
    ["$.amount", { op: "greaterThan", value: 1499 }, true],
    ["$.amount", { op: "greaterThan", value: 1500 }, false],
    ["$.amount", { op: "greaterThanOrEqual", value: 1500 }, true],
    ["$.amount", { op: "lessThan", value: 1500 }, false],
    ["$.amount", { op: "lessThanOrEqual", value: 1500 }, true],
    ["$.who", { op: "greaterThan", value: 0 }, false],
    ["$.items[*].n", { op: "greaterThan", value: 10 }, true],
    ["$.items[?@.n > 30]", null, false],
    ["$.who", { op: "equalTo", value: "Tom" }, true],
    ["$.amount", { op: "equalTo", value: "1500" }, false],
    ["$.note", { op: "equalTo", value: null }, true],
    ["$.paid", { op: "equalTo", value: true }, true],
    ["$.who", { op: "contains", value: "o" }, true],
    ["$.amount", { op: "contains", value: "50" }, true],
    ["$.items", { op: "contains", value: "n" }, false],
    ["$.who", { op: "matches", value: "T.." }, true],
    ["$.who", { op: "matches", value: "T" }, false],
    [
      "$.items",
      { op: "equalToJson", value: [{ n: 20 }], ignoreArrayOrder: false, ignoreExtraElements: true },
      true,
    ],
    [
      "$.items[0]",
      { op: "equalToJson", value: { n: 2 }, ignoreArrayOrder: false, ignoreExtraElements: false },
      false,
    ],
    ['$[?match(@, "T.m")]', null, true],
    ['$[?match(@, "T")]', null, false],
    ['$[?search(@, "o")]', null, true],
    ['$[?search(@, "(a)\\\\1")]', null, false],
  ];
  table(
    rows.map(([expression, condition, expected]) => [
      { op: "matchesJsonPath", expression, test: condition },
      order,
      expected,
    ]),
  );
});

test("a JSONPath may take its patterns from the body without keeping them all", () => {
  const values = Array.from({ length: 200 }, (_, i) => ({ text: `a${i}`, pattern: `a${i}?` }));
  const body: BodyMatch = { op: "matchesJsonPath", expression: "$[?match(@.text, @.pattern)]", test: null };
  table([
    [body, JSON.stringify(values), true],
    [body, '[{"text":1,"pattern":"1"}]', false],
  ]);
});

test("matchesJsonSchema: drafts 2020-12 and 07, patterns searched in linear time", () => {
  const schema = { type: "object", required: ["id"], properties: { id: { type: "string", pattern: "^c_" } } };
  const tuple07 = { $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: "number" }] };
  const tuple2020 = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://example.test/tuple",
    prefixItems: [{ type: "number" }],
  };
  table([
    [{ op: "matchesJsonSchema", schema }, '{"id":"c_1"}', true],
    [{ op: "matchesJsonSchema", schema }, '{"id":"d_1"}', false],
    [{ op: "matchesJsonSchema", schema }, "{}", false],
    [{ op: "matchesJsonSchema", schema: { allOf: [{ pattern: "a" }, { pattern: "b" }] } }, '"ab"', true],
    [{ op: "matchesJsonSchema", schema: { allOf: [{ pattern: "a" }, { pattern: "b" }] } }, '"ac"', false],
    [{ op: "matchesJsonSchema", schema: tuple07 }, '["a"]', false],
    [{ op: "matchesJsonSchema", schema: tuple2020 }, '["a"]', false],
    [{ op: "matchesJsonSchema", schema: tuple2020 }, "[1]", true],
    [{ op: "matchesJsonSchema", schema: { type: "string", format: "email" } }, '"x"', true],
    [{ op: "matchesJsonSchema", schema: true }, "1", true],
    [{ op: "matchesJsonSchema", schema: false }, "1", false],
  ]);
  const twice = [{ body: { op: "matchesJsonSchema", schema: tuple2020 } as const }];
  assert.equal(compiled([ruleOf("a", twice), ruleOf("b", twice)]).rules.length, 2);
});

test("bad body conditions are problems with their place", () => {
  const schema = (value: unknown): BodyMatch => ({ op: "matchesJsonSchema", schema: value });
  const query = (expression: string, condition: JsonPathTest | null = null): BodyMatch => ({
    op: "matchesJsonPath",
    expression,
    test: condition,
  });
  const rows: readonly (readonly [BodyMatch, RegExp])[] = [
    [schema({ type: 5 }), /body\.matchesJsonSchema: expected a JSON Schema: schema is invalid: .*type/],
    [schema(5), /body\.matchesJsonSchema: expected a JSON Schema, got 5$/],
    [
      schema({ $ref: "https://example.test/other" }),
      /can't resolve reference https:\/\/example\.test\/other/,
    ],
    [
      schema({ $schema: "http://json-schema.org/draft-04/schema#" }),
      /\.matchesJsonSchema\.\$schema: expected .*draft-04/,
    ],
    [schema({ pattern: "(?=a)" }), /RE2/],
    [query("$.["), /body\.matchesJsonPath: expected a JSONPath query .* got "\$\.\[": /],
    [query("$.a.length()"), /expected a JSONPath query/],
    [query(`$${".a".repeat(3_000)}`), /at most 4096 characters, got 6001$/],
    [
      query("$.a", { op: "matches", value: "(" }),
      /body\.matchesJsonPath\.matches: expected a regular expression/,
    ],
    [
      { op: "and", of: [{ op: "not", of: { op: "matches", value: "(" } }] },
      /body\.and\[0\]\.not\.matches: expected/,
    ],
  ];
  for (const [body, expected] of rows) assert.match(problemsOf([ruleOf("r", [{ body }])])[0] ?? "", expected);
});

test("the body is asked for only where a rule waits for it and none before it claims", () => {
  const onBody = ruleOf("body", [
    { path: { op: "exact", value: "/" }, body: { op: "contains", value: "x" } },
  ]);
  const all = ruleOf("all", []);
  assert.equal(decided(compiled([onBody, all]), post), "need-body");
  assert.equal(decided(compiled([all, onBody]), post), "all");
  assert.equal(decided(compiled([onBody, all]), { ...post, path: "/other" }), "all");
  const never = { ...onBody, scope: { ...onBody.scope, percentage: 0 } };
  assert.equal(decided(compiled([never]), post), null);
  const either = ruleOf("it", [
    { body: { op: "contains", value: "x" } },
    { method: { op: "exact", value: "POST" } },
  ]);
  assert.equal(decided(compiled([either]), post), "it");
  const rules = compiled([onBody, all]);
  const after = (body: string) =>
    rules.decideWithBody(headOf(post), outbound, Buffer.from(body), rollOf())?.spec.name;
  assert.deepEqual([after("x"), after("y")], ["body", "all"]);
});
