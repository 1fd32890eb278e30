// Regular expressions: linear time, plain reasons for what the engine refuses, and prefixes that are never wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RuleProblem } from "../../../src/core/rule-problem.ts";
import { literalPrefix, Patterns } from "../../../src/proxy/match/pattern.ts";
import { problemsOf, ruleOf } from "./described.ts";

const evil = [
  "(a+)+$",
  "(a|aa)+",
  "(a*)*b",
  "([a-z]+)*[0-9]",
  "(.*)*x",
  "(a?){30}a{30}",
  "(\\b|x)(a|b)*a(a|b){12}c",
];

/** Milliseconds of the fastest of some runs: what the machine's other work adds is left out. */
function fastestMs(run: () => void): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}

test("a pattern that blows up a backtracking engine takes time in proportion to the text", () => {
  const short = `${"a".repeat(12_500)}!`;
  const long = `${"a".repeat(200_000)}!`;
  for (const source of evil) {
    const pattern = new Patterns().compile(source, []);
    const run = (text: string) => () => assert.equal(pattern.full(text), false);
    run(short)(); // states are built on first use
    const ratio = fastestMs(run(long)) / Math.max(fastestMs(run(short)), 0.05);
    // 16 times the text; a quadratic engine would need 256 times as long, an exponential one for ever.
    assert.ok(ratio < 128, `${source}: ${ratio.toFixed(1)} times as long`);
  }
});

test("what the engine does not know is refused with the reason and the place", () => {
  const reasons: readonly (readonly [string, RegExp])[] = [
    ["(a)\\1", /invalid escape sequence: `\\1`$/],
    ["(?=a)", /invalid or unsupported Perl syntax: `\(\?=`$/],
    ["(?<!a)b", /invalid named capture/],
    ["a{1001}", /invalid repeat count/],
    ["[", /missing closing \]/],
    ["a".repeat(4_097), /at most 4096 characters, got 4097$/],
    ["((\\pL\\pN|.){30}x){30}", /unfold to \d+ steps|invalid repeat count/],
  ];
  for (const [value, reason] of reasons) {
    const [problem = ""] = problemsOf([
      ruleOf("r", [{ headers: [{ name: "x-t", match: { op: "regex", value } }] }]),
    ]);
    assert.match(
      problem,
      /^r matches\[0\]\.headers\.x-t: expected a regular expression that RE2 understands/,
    );
    assert.match(problem, reason);
  }
});

test("each pattern is compiled once a rule set", () => {
  const patterns = new Patterns();
  assert.equal(patterns.compile("a+", []), patterns.compile("a+", []));
  assert.notEqual(patterns.compile("a+", []), patterns.compile("a+", [], { lowerCase: true }));
  assert.throws(() => patterns.compile("(", []), RuleProblem);
});

test("full is anchored at both ends, search at neither, and a line break needs (?s)", () => {
  const pattern = new Patterns().compile("b.d", []);
  assert.deepEqual([pattern.full("bcd"), pattern.full("abcd"), pattern.search("abcde")], [true, false, true]);
  assert.equal(pattern.full("b\nd"), false);
  assert.equal(new Patterns().compile("(?s)b.d", []).full("b\nd"), true);
});

test("the literal prefix of a pattern", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["/v1/items/[0-9]+", "/v1/items/"],
    ["^/a\\.b$", "/a.b"],
    ["/ab*", "/a"],
    ["/ab?c", "/a"],
    ["/ab+", "/a"],
    ["/a{2}", "/"],
    ["/a|/b", ""],
    ["(?i)/a", ""],
    [".*", ""],
    ["\\d/", ""],
    ["\\Qa.b\\E", ""],
  ];
  for (const [source, prefix] of rows) assert.equal(literalPrefix(source), prefix, source);
});

test("agrees with the language's own engine on patterns that both know", () => {
  const atom = fc.constantFrom("a", "b", ".", "\\.", "[ab]", "(a|b)", "(?:ab)", "\\d", "^", "$", "/");
  const piece = fc
    .tuple(atom, fc.constantFrom("", "", "*", "?", "+", "{2}"))
    .map(([text, repeat]) => (/[$^]/.test(text) ? text : text + repeat));
  const source = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(""));
  const text = fc
    .array(fc.constantFrom("a", "b", ".", "1", "/"), { maxLength: 6 })
    .map((chars) => chars.join(""));
  fc.assert(
    fc.property(source, text, (pattern, input) => {
      const ours = new Patterns().compile(pattern, []);
      assert.equal(ours.full(input), new RegExp(`^(?:${pattern})$`).test(input));
      assert.equal(ours.search(input), new RegExp(pattern).test(input));
    }),
    { seed: 3, numRuns: 2_000 },
  );
});
