// For which names a rule set could answer, told before there is any connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Terminal } from "../../../src/core/effect.ts";
import type { MatchSpec, RuleSpec, TextMatch } from "../../../src/core/rule.ts";
import { noRules } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { replyWith, ruleSpec } from "../../support/rule-spec.ts";
import { rollOf } from "./described.ts";

const roll = rollOf({ nowMs: 1_000, seed: 0 });
const mock: Terminal = { kind: "mock", answer: () => Promise.reject(new Error("not asked")), fixed: null };
const abort: Terminal = { ...mock, kind: "abort" };
const relay: Terminal = { kind: "relay" };

function setOf(rules: readonly Partial<RuleSpec>[], terminal: Terminal = mock) {
  const set = compileRules(
    rules.map((rule, i) => ruleSpec({ name: `r${i}`, ...rule })),
    () => ({ effects: [], terminal }),
    "1",
  );
  assert.ok(!("problems" in set), JSON.stringify(set));
  return set;
}

const answers = (host: string, ...matches: readonly MatchSpec[]) =>
  setOf(matches.map((match) => ({ matches: [match] }))).answersHost(host, roll);
const host = (op: Exclude<TextMatch["op"], "absent">, value: string): MatchSpec => ({ host: { op, value } });
const place = (
  hostname: string | null,
  cidr: string | null = null,
  port: number | null = null,
): MatchSpec => ({
  destination: { hostname, cidr, port },
});
const pay = { path: { op: "exact", value: "/pay" } } as const;

const cases: readonly [what: string, host: string, match: MatchSpec, expected: boolean][] = [
  ["the very name", "a.internal", host("exact", "A.Internal."), true],
  ["another name", "b.internal", host("exact", "a.internal"), false],
  ["the name and a port", "a.internal", host("exact", "a.internal:8443"), true],
  [
    "the name and more of HTTP",
    "a.internal",
    { ...host("exact", "a.internal"), ...pay, method: { op: "exact", value: "GET" } },
    true,
  ],
  ["a suffix", "x.a.internal", host("suffix", ".Internal"), true],
  ["another suffix", "x.internal.test", host("suffix", ".internal"), false],
  ["a suffix with a port", "x.internal", host("suffix", ".internal:9000"), true],
  ["a prefix", "pay.internal", host("prefix", "pay."), true],
  ["a part", "my-pay.internal", host("contains", "pay"), true],
  ["a regex", "pay7.internal", host("regex", "pay\\d\\.internal"), true],
  ["a regex for something else", "pay.internal", host("regex", "pay\\d\\.internal"), false],
  ["a regex with any port", "pay.internal", host("regex", "pay\\.internal:\\d+"), true],
  ["a regex with ports of its own", "pay.internal", host("regex", "pay\\.internal:(9001|9002)"), true],
  ["a regex for every name", "a.internal", host("regex", ".*"), false],
  ["a regex for every name with dots", "a.internal", host("regex", ".+\\..+"), false],
  ["a part that every name has", "a.internal", host("contains", "."), false],
  ["any name on one port", "a.internal", host("contains", ":8080"), false],
  ["no name", "a.internal", pay, false],
  ["no Host at all", "a.internal", { host: { op: "absent" } }, false],
  ["the destination", "a.internal", place("A.internal"), true],
  ["the destination and a port", "a.internal", place("a.internal", null, 5432), true],
  ["another destination", "a.internal", place("b.internal"), false],
  ["a port alone", "a.internal", place(null, null, 80), false],
  ["addresses", "a.internal", place(null, "10.0.0.0/8"), false],
  [
    "the name, at addresses",
    "a.internal",
    { ...host("exact", "a.internal"), ...place(null, "10.0.0.0/8") },
    false,
  ],
  ["the name, at a port", "a.internal", { ...host("exact", "a.internal"), ...place(null, null, 80) }, true],
  [
    "the name, at another's place",
    "a.internal",
    { ...host("exact", "a.internal"), ...place("b.internal") },
    false,
  ],
  [
    "… whose name is asked for",
    "b.internal",
    { ...host("exact", "a.internal"), ...place("b.internal") },
    true,
  ],
  ["outbound calls", "a.internal", { ...host("exact", "a.internal"), direction: "outbound" }, true],
  ["inbound calls", "a.internal", { ...host("exact", "a.internal"), direction: "inbound" }, false],
];

for (const [what, name, match, expected] of cases)
  test(`answersHost: a rule about ${what}: ${expected}`, () => assert.equal(answers(name, match), expected));

test("answersHost: no rules, and rules without matches, answer for no name", () => {
  assert.equal(noRules.answersHost("a.internal", roll), false);
  assert.equal(answers("a.internal"), false);
  assert.equal(setOf([{}]).answersHost("a.internal", roll), false);
});

test("answersHost: a rule that needs an upstream answers for nobody", () => {
  const matches = [host("exact", "a.internal")];
  assert.equal(setOf([{ matches }], relay).answersHost("a.internal", roll), false);
  assert.equal(setOf([{ matches }], abort).answersHost("a.internal", roll), true);
  assert.equal(setOf([{ matches, respond: replyWith("") }], relay).answersHost("a.internal", roll), true);
});

test("answersHost: a rule for no call, or that has ended, answers for nobody", () => {
  const matches = [host("exact", "a.internal")];
  const scope = ruleSpec({ name: "x" }).scope;
  const ends = setOf([{ matches, scope: { ...scope, expiresAtMs: 2_000 } }]);
  assert.equal(ends.answersHost("a.internal", roll), true);
  assert.equal(ends.answersHost("a.internal", { ...roll, nowMs: 2_000 }), false);
  assert.equal(
    setOf([{ matches, scope: { ...scope, percentage: 0 } }]).answersHost("a.internal", roll),
    false,
  );
  assert.equal(
    setOf([{ matches, scope: { ...scope, percentage: 1 } }]).answersHost("a.internal", roll),
    true,
  );
});

test("answersHost: while faults are stopped, a rule that is nothing but one answers for nobody", () => {
  const fault = { abort: { kind: "reset" } } as unknown as RuleSpec["fault"]; // only that there is one counts here
  const set = setOf([{ matches: [host("exact", "a.internal")], fault }], abort);
  assert.equal(set.answersHost("a.internal", roll), true);
  assert.equal(set.answersHost("a.internal", { ...roll, faultsHalted: true }), false);
});

test("answersHost: is found among ten thousand, and several of one name count once", () => {
  const many = Array.from({ length: 10_000 }, (_, i) => host("exact", `h${i % 5_000}.internal`));
  const set = setOf(
    [...many, host("suffix", ".zone"), host("regex", "q\\d+\\.test")].map((match) => ({ matches: [match] })),
  );
  for (const name of ["h0.internal", "h4999.internal", "a.zone", "q17.test"])
    assert.ok(set.answersHost(name, roll));
  for (const name of ["h5000.internal", "zone", "q.test"]) assert.ok(!set.answersHost(name, roll));
});
