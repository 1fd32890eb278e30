// Layouts, anchors, attacks, and garbage: what a text may look like, and that nothing makes the parser throw.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRules } from "../../../src/control/rules/parse.ts";
import { printValue } from "../../../src/control/rules/print-value.ts";
import { linesOf, onlyRule } from "./written.ts";

const good = (text: string, file = "r.yaml") => {
  const parsed = parseRules(text, file);
  assert.deepEqual(parsed.problems, []);
  return parsed;
};

test("JSON and YAML of the same rules give the same rules", () => {
  const json =
    '{"version": 1, "rules": [\n {"name": "a", "respond": {"json": {"b": [1, "]"]}}},\n {"name": "b", "fault": {"abort": "reset"}}\n]}';
  const yaml =
    "version: 1\nrules:\n- name: a\n  respond: {json: {b: [1, ']']}}\n- {name: b, fault: {abort: reset}}\n";
  const [fromJson, fromYaml] = [good(json, "r"), good(yaml, "r")];
  const placeless = ({ rules }: typeof fromJson) => rules.map((rule) => ({ ...rule, origin: "" }));
  assert.deepEqual(placeless(fromJson), placeless(fromYaml));
  assert.deepEqual(
    fromJson.rules.map((rule) => rule.origin),
    ["r:2", "r:3"],
  );
  assert.deepEqual(
    fromYaml.rules.map((rule) => rule.origin),
    ["r:3", "r:5"],
  );
});

test("keys after the rules, comments, blank lines, CRLF, a BOM and an indented list are all read", () => {
  const text =
    "\ufeff# top\r\n---\r\n$schema: x\r\nrules: # here\r\n\r\n  # first\r\n  - name: a\r\n    respond:\r\n      body: |\r\n        - name: not-a-rule\r\n\r\n        more\r\n# left\r\n  -\r\n    name: b\r\n    respond: {}\r\nversion: 1\r\n";
  const { rules } = good(text);
  assert.deepEqual(
    rules.map((rule) => [rule.name, rule.origin]),
    [
      ["a", "r.yaml:7"],
      ["b", "r.yaml:14"],
    ],
  );
});

test("a flow list, an empty list and trailing commas are read", () => {
  assert.equal(good("{version: 1, rules: [{name: a, respond: {}},]}").rules.length, 1);
  assert.equal(good("version: 1\nrules: []\n").rules.length, 0);
  assert.equal(good('{"version":1,"rules":[]}').rules.length, 0);
});

test("JSON: a key written twice is found, whatever JSON.parse makes of it", () => {
  const text =
    '{"version": 1, "rules": [\n  {"name": "a",\n   "respond": {"json": {"a:b": 1, "c": "\\"", "c": 2}}}]}';
  assert.deepEqual(linesOf(text, "r.json"), ["r.json:3: rules[0].respond.json.c: this key is written twice"]);
});

test("JSON: mistakes have their own line, also deep inside and in one long line", () => {
  const text =
    '{"version": 1,\n "rules": [{"name": "a",\n "respond": {}},\n{"name": "b", "respond": {\n"headers":{"x":"y"},\n"status": 99}}]}';
  assert.deepEqual(linesOf(text, "r.json"), [
    "r.json:6: rules[1].respond.status: expected a final status from 200 to 599, got 99",
  ]);
  assert.match(
    linesOf(text.replaceAll("\n", ""), "r.json")[0] ?? "",
    /^r\.json:1: rules\[1\]\.respond\.status/,
  );
});

test("a text that is wrong at every word is told once, and in time", () => {
  const before = performance.now();
  const lines = linesOf(`x: ${"] ".repeat(60_000)}`);
  assert.deepEqual(lines, ['r.yaml:1: not valid YAML: Unexpected flow-seq-end token in YAML stream: "]"']);
  assert.ok(performance.now() - before < 10_000); // a second; fifteen where each word looks at the whole line
});

for (const [what, line] of [
  ["a blank line that holds a tab", "\t"],
  ["a comment behind a tab", "\t# more"],
  ["a blank line of spaces", "  "],
] as const)
  test(`the rules behind ${what} are read`, () => {
    const text = `version: 1\nrules:\n  - name: a\n    respond: {}\n${line}\n  - name: b\n    respond: {}\n${line}\n`;
    assert.deepEqual(
      good(text).rules.map(({ name }) => name),
      ["a", "b"],
    );
  });

test("JSON that is broken is told with its line", () => {
  assert.match(
    linesOf('{"version": 1,\n "rules": [{"name": "a" "respond": {}}]}', "r.json")[0] ?? "",
    /^r\.json:2: /,
  );
  assert.match(linesOf('{"version": 1,\n "rules": [', "r.json")[0] ?? "", /^r\.json:\d: not valid YAML/);
  assert.match(linesOf('{"version": 1}]', "r.json")[0] ?? "", /^r\.json:1: not valid YAML/);
});

test("anchors, aliases and merges work inside a rule and across rules", () => {
  const text =
    "version: 1\nrules:\n  - name: a\n    matches: &m [{host: h}]\n    respond: &r {status: 503, headers: {x: y}}\n  - name: b\n    matches: *m\n    respond: {<<: *r, status: 500}\n";
  const { rules } = good(text);
  assert.deepEqual(rules[1]?.matches, rules[0]?.matches);
  const respond = rules[1]?.respond;
  assert.ok(respond?.kind === "reply");
  assert.equal(respond.reply.status, 500);
  assert.deepEqual(respond.reply.headers, [["x", "y"]]);
  const mistaken = text.replace("status: 503", "status: 99");
  assert.deepEqual(linesOf(mistaken), [
    "r.yaml:5: rules[0].respond.status: expected a final status from 200 to 599, got 99",
  ]);
  const listed =
    "version: 1\nrules:\n  - name: a\n    respond:\n      json: {p: &p {k: 1, l: 1}, q: &q {k: 2, m: 2}, r: {<<: [*p, *q], m: 3}}\n";
  const merged = onlyRule(good(listed)).respond;
  assert.ok(merged?.kind === "reply" && merged.reply.body.kind === "json");
  assert.deepEqual(merged.reply.body.value, {
    p: { k: 1, l: 1 },
    q: { k: 2, m: 2 },
    r: { k: 1, l: 1, m: 3 },
  });
});

test("an alias without an anchor and a merge of something else are told", () => {
  assert.deepEqual(linesOf("version: 1\nrules:\n  - name: a\n    respond: {json: *no}\n"), [
    "r.yaml:4: rules[0].respond.json: expected an anchor &no before this alias, got none",
  ]);
  assert.deepEqual(linesOf("version: 1\nrules:\n  - name: a\n    respond: {json: {<<: 5}}\n"), [
    "r.yaml:4: rules[0].respond.json: expected a mapping behind <<, got 5",
  ]);
});

test("a billion laughs cost little and are refused", () => {
  const levels = Array.from({ length: 12 }, (_, level) =>
    level === 0
      ? "      a0: &a0 [x,x,x,x,x,x,x,x,x,x]"
      : `      a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(",")}]`,
  );
  const text = `version: 1\nrules:\n  - name: a\n    respond:\n     json:\n${levels.join("\n")}\n`;
  assert.match(linesOf(text)[0] ?? "", /aliases add too much: expected at most 100000 nodes/);
});

test("nesting is bounded, in YAML and in JSON", () => {
  const deep = `${"[".repeat(200)}${"]".repeat(200)}`;
  assert.match(
    linesOf(`version: 1\nrules:\n  - {name: a, respond: {json: ${deep}}}\n`).join(),
    /nested too deeply/,
  );
  assert.match(
    linesOf(`{"version":1,"rules":[{"name":"a","respond":{"json":${deep}}}]}`).join(),
    /nested too deeply/,
  );
  assert.match(linesOf("- ".repeat(50_000)).join(), /nested too deeply/);
});

test("all mistakes of many rules are told, up to a thousand, and the rest is counted", () => {
  const rules = Array.from({ length: 1_500 }, (_, index) => `  - {name: r${index}, respond: {status: 99}}`);
  const lines = linesOf(`version: 1\nrules:\n${rules.join("\n")}\n`);
  assert.equal(lines.length, 1_001);
  assert.equal(lines.at(-1), "r.yaml: and 500 more problems");
});

test("a text that is too large for its layout says so", () => {
  const filler = `# ${"x".repeat(4 * 1024 * 1024)}\n`;
  assert.match(
    linesOf(`${filler}{version: 1, rules: []}`)[0] ?? "",
    /expected a list "rules:" in block style, or JSON/,
  );
});

test("locate: a path of a compiled rule leads to the line where it was written", () => {
  const text =
    "version: 1\nrules:\n  - name: a\n    matches:\n      - host: h\n        body:\n          - contains: x\n          - matches: (\n    respond: {}\n";
  for (const parsed of [good(text), good(`%YAML 1.2\n---\n${text}`)]) {
    const shift = parsed.rules[0]?.origin === "r.yaml:3" ? 0 : 2;
    assert.deepEqual(parsed.locate(onlyRule(parsed), ["matches", 0, "body", "and", 1, "matches"]), {
      place: `r.yaml:${8 + shift}`,
      path: "rules[0].matches[0].body[1].matches",
    });
    assert.equal(parsed.locate(onlyRule(parsed), ["matches", 0, "no", "such"]).place, `r.yaml:${5 + shift}`);
    assert.equal(parsed.locate({ ...onlyRule(parsed) }, ["name"]).place, "r.yaml");
  }
});

test("garbage never throws, and is never taken for rules", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "version: 1",
      "rules:",
      "\n",
      "  - name: a",
      "    respond: {",
      "}",
      "[",
      "]",
      "&a ",
      "*a",
      "<<: ",
      "|",
      ">",
      '"',
      "'",
      "- ",
      ": ",
      "\t",
      "%YAML 1.1",
      "---",
      "\r\n",
      "? ",
      "!!set",
      "{",
      ",",
      "\u0000",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const parsed = parseRules(pieces.join(""), "r.yaml");
      assert.ok(parsed.problems.length > 0 || parsed.rules.every((rule) => rule.name !== ""));
    }),
    { numRuns: 1_500, seed: 7 },
  );
});

test("any JSON value in place of any part of a file never throws", () => {
  const key = fc.constantFrom(
    "name",
    "matches",
    "scope",
    "respond",
    "fault",
    "patch",
    "state",
    "priority",
    "x",
  );
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(key, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 }), { maxLength: 4 }),
      (rules) => {
        const { problems } = parseRules(JSON.stringify({ version: 1, rules }, null, 1), "r.json");
        for (const problem of problems) assert.match(problem.place, /^r\.json:\d+$/);
      },
    ),
    { numRuns: 500, seed: 11 },
  );
});

test("rules read piece by piece equal those read in one go", () => {
  const text = fc.constantFrom(
    "plain",
    "two words",
    "- dash",
    "a: b",
    "# no",
    "line\nline",
    " lead",
    "",
    "é\u{1f600}",
    "'",
    '"',
  );
  fc.assert(
    fc.property(fc.array(fc.record({ body: text, note: text }), { minLength: 1, maxLength: 5 }), (bodies) => {
      const items = bodies.map(
        ({ body, note }, index) =>
          `  - name: r${index}\n    respond:\n      json: {a: ${JSON.stringify(note)}}\n      headers:\n        x: ${JSON.stringify(body.replace(/[^ -~]/gu, ""))}\n`,
      );
      const file = `version: 1\nrules:\n${items.join("")}`;
      // A directive is what keeps a text from being cut into pieces.
      assert.deepEqual(
        good(file).rules.map((rule) => rule.respond),
        good(`%YAML 1.2\n---\n${file}`).rules.map((rule) => rule.respond),
      );
    }),
    { numRuns: 100, seed: 3 },
  );
});

test("printed values stay short whatever their size", () => {
  assert.equal(printValue(undefined), "nothing");
  assert.equal(printValue({ a: [1, "b", null, true] }), '{"a":[1,"b",null,true]}');
  assert.equal(printValue("x".repeat(1_000)).length, 81);
  assert.ok(printValue(Array.from({ length: 100_000 }, () => ({ a: 1 }))).length <= 81);
});
