// From specs to a rule set: order, problems, plans, connections that nobody parses.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../../../src/core/effect.ts";
import type { FaultSpec, RuleSpec } from "../../../src/core/rule.ts";
import { RuleProblem } from "../../../src/core/rule-problem.ts";
import { noRules, type Plan } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { compiled, decided, headOf, outbound, problemsOf, relayPlan, rollOf, ruleOf } from "./described.ts";

const call = { authority: "a", path: "/" } as const;

test("the empty rule set claims nothing", () => {
  assert.equal(noRules.decide(headOf(call), outbound, rollOf()), null);
  assert.equal(noRules.decideWithBody(headOf(call), outbound, null, rollOf()), null);
  assert.equal(noRules.decideConnection(outbound, rollOf()), null);
  assert.deepEqual(noRules.rules, []);
});

test("rules are ranked by priority, then by the order of writing, and the first that holds wins", () => {
  const specs = [
    ruleOf("late", [], {}, { priority: 200 }),
    ruleOf("first", [{ path: { op: "exact", value: "/x" } }]),
    ruleOf("second", []),
    ruleOf("early", [{ path: { op: "prefix", value: "/x/" } }], {}, { priority: -1 }),
  ];
  const rules = compiled(specs);
  assert.deepEqual(
    rules.rules.map(({ spec, rank }) => `${rank} ${spec.name}`),
    ["0 early", "1 first", "2 second", "3 late"],
  );
  const at = (path: string) => decided(rules, { authority: "a", path });
  assert.deepEqual([at("/x/1"), at("/x"), at("/y")], ["early", "first", "second"]);
  assert.equal(rules.revision, "r1");
});

test("a call outside the scope of a rule goes on to the next", () => {
  const rules = compiled([ruleOf("dead", [], { expiresAtMs: 0 }), ruleOf("next", [])]);
  assert.equal(decided(rules, call), "next");
});

test("a rule set is frozen, and carries the plans", () => {
  const effect: Effect = { kind: "delay", fault: true, apply: (exchange, next) => next(exchange) };
  const plan: Plan = { ...relayPlan, effects: [effect] };
  const rules = compiled([ruleOf("it", [])], () => plan);
  assert.deepEqual(rules.rules[0]?.effects, [effect]);
  assert.ok(Object.isFrozen(rules) && Object.isFrozen(rules.rules) && Object.isFrozen(rules.rules[0]));
});

test("every problem of every rule is told, those of plans included, and nothing is thrown", () => {
  const bad = ruleOf("bad", [
    { path: { op: "regex", value: "(" }, body: { op: "matches", value: "(" }, expr: "1" },
    { host: { op: "exact", value: "a b" } },
  ]);
  const unplanned = ruleOf("unplanned", [], { headers: [{ name: "x", match: { op: "regex", value: "(" } }] });
  const broken = ruleOf("broken", []);
  const plan = (spec: RuleSpec): Plan => {
    if (spec.name === "unplanned") throw new RuleProblem(["respond", "status"], "expected a status, got 7");
    if (spec.name === "broken") throw new Error("out of order");
    return relayPlan;
  };
  const places = problemsOf([bad, unplanned, broken], plan).map((text) => text.split(": ")[0]);
  assert.deepEqual(places, [
    "bad matches[0].path",
    "bad matches[0].body.matches",
    "bad matches[0].expr",
    "bad matches[1].host",
    "unplanned respond.status",
    "unplanned scope.headers.x",
    "broken ",
  ]);
  const result = compileRules([bad], () => relayPlan, "r2");
  assert.ok("problems" in result && result.problems.every(({ problem }) => problem instanceof RuleProblem));
});

const noFault: FaultSpec = {
  delay: null,
  abort: null,
  throttle: null,
  slice: null,
  truncate: null,
  corrupt: null,
};

test("connections that nobody parses: only rules that name nothing of HTTP, neither in selection nor in effect", () => {
  const abort = (kind: "reset" | "close" | "hang"): Partial<RuleSpec> => ({
    fault: { ...noFault, abort: { kind } },
  });
  const destination = { cidr: "10.0.0.0/8", hostname: null, port: 443 };
  const mock: Plan = {
    effects: [],
    terminal: { kind: "mock", answer: () => Promise.resolve({ kind: "sever", how: "fin" }), fixed: null },
  };
  const rows: readonly (readonly [RuleSpec, boolean, Plan?])[] = [
    [ruleOf("it", []), true],
    [ruleOf("it", [{ destination }], {}, abort("reset")), true],
    [ruleOf("it", [{ direction: "outbound", destination }]), true],
    [ruleOf("it", [{ direction: "inbound" }]), false],
    [ruleOf("it", [{ destination: { ...destination, port: 80 } }]), false],
    [ruleOf("it", [{ destination, method: { op: "exact", value: "GET" } }]), false],
    [ruleOf("it", [{ destination }, { path: { op: "exact", value: "/" } }]), false],
    [ruleOf("it", [{ destination, expr: "true" }]), false],
    [ruleOf("it", [], { headers: [{ name: "x", match: { op: "absent" } }] }), false],
    [ruleOf("it", [], { baggage: [{ name: "x", match: { op: "absent" } }] }), false],
    [ruleOf("it", [], { decideBy: { by: "header", name: "x" }, percentage: 99 }), false],
    [ruleOf("it", [], { maxActive: 1, expiresAtMs: 1 }), true],
    [ruleOf("it", [], { percentage: 0 }), false],
    [ruleOf("it", [], {}, { fault: { ...noFault, abort: { kind: "httpStatus", status: 503 } } }), false],
    [ruleOf("it", [], {}, { patch: { request: null, response: null } }), false],
    [ruleOf("it", []), false, mock],
    [
      ruleOf("it", []),
      false,
      { ...relayPlan, effects: [{ kind: "patch", fault: false, apply: (exchange, next) => next(exchange) }] },
    ],
  ];
  for (const [i, [spec, expected, plan]] of rows.entries()) {
    const got = compiled([spec], () => plan ?? relayPlan).decideConnection(outbound, rollOf());
    assert.equal(got?.spec.name === "it", expected, `row ${i}`);
  }
});

test("connections are drawn by their share, and stick to it by decideBy connection", () => {
  const rules = compiled([ruleOf("it", [], { percentage: 50, decideBy: { by: "connection" } })]);
  const of = (id: string, seed: number) =>
    rules.decideConnection({ ...outbound, id }, rollOf({ seed })) !== null;
  const verdicts = Array.from({ length: 200 }, (_, i) => of(`c${i}`, i));
  assert.deepEqual(
    verdicts,
    Array.from({ length: 200 }, (_, i) => of(`c${i}`, i + 7)),
  );
  const claimed = verdicts.filter(Boolean).length;
  assert.ok(claimed > 65 && claimed < 135, `${claimed}`);
});
