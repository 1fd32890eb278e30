// A fault that calls are suffering ends when its rule does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeadlines } from "../../../src/core/deadlines.ts";
import type { RuleSpec } from "../../../src/core/rule.ts";
import { noRules, type Rule, type RuleSet } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { FaultsUnderWay } from "../../../src/proxy/perform/faults-under-way.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { noFault, ruleSpec } from "../../support/rule-spec.ts";

const tickMs = 250;
const hang: Partial<RuleSpec> = { name: "hang", fault: { ...noFault, abort: { kind: "hang" } } };

function setOf(...specs: Partial<RuleSpec>[]): RuleSet {
  const set = compileRules(specs.map(ruleSpec), () => ({ effects: [], terminal: { kind: "relay" } }), "r");
  if ("problems" in set) throw new Error("the rules are wrong");
  return set;
}

function suffering(spec: Partial<RuleSpec>) {
  const clock = manualClock();
  let inForce = setOf(spec);
  let halted = false;
  const [rule] = inForce.rules as readonly [Rule];
  const faults = new FaultsUnderWay({
    rules: () => inForce,
    faultsHalted: () => halted,
    clock,
    deadlines: createDeadlines(clock, tickMs),
  });
  return {
    clock,
    enter: () => faults.enter(rule, true),
    swap: (set: RuleSet) => {
      inForce = set;
    },
    halt: () => {
      halted = true;
    },
  };
}

test("faults under way: end within a tick when the rule is gone or another, not when it comes again", async () => {
  for (const [next, ends] of [
    [noRules, true],
    [setOf({ ...hang, name: "other" }), true],
    [setOf({ ...hang, fault: { ...noFault, abort: { kind: "close" } } }), true],
    [setOf({ ...hang, origin: "elsewhere:7" }), false],
  ] as const) {
    const { clock, enter, swap } = suffering(hang);
    const { ends: signal } = enter();
    await clock.advance(tickMs * 4);
    assert.equal(signal.aborted, false);
    swap(next);
    await clock.advance(tickMs);
    assert.equal(signal.aborted, ends);
  }
});

test("faults under way: end with the time of the rule", async () => {
  const expiresAtMs = manualClock().wall() + 10_000;
  const { clock, enter } = suffering({ ...hang, scope: { ...ruleSpec({}).scope, expiresAtMs } });
  const { ends } = enter();
  await clock.advance(9_990);
  assert.equal(ends.aborted, false);
  await clock.advance(tickMs);
  assert.equal(ends.aborted, true);
});

test("faults under way: a time of day that is set back prolongs no ttl", async () => {
  const scope = {
    ...ruleSpec({}).scope,
    ttlMs: 10_000,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    lapsesAtMs: 10_000,
  };
  const { clock, enter } = suffering({ ...hang, scope });
  const { ends } = enter();
  await clock.advance(9_990);
  assert.equal(ends.aborted, false);
  await clock.advance(tickMs);
  assert.equal(ends.aborted, true);
});

test("faults under way: nothing is looked at, and no timer runs, once all have ended", async () => {
  const { clock, enter, swap } = suffering(hang);
  const [first, second] = [enter(), enter()];
  first.leave();
  swap(noRules);
  await clock.advance(tickMs);
  assert.deepEqual([first.ends.aborted, second.ends.aborted], [false, true]);
  await clock.advance(tickMs);
  assert.equal(clock.pending(), 0);
  second.leave();
});

test("faults under way: all of them end when faults are stopped, whatever the rules say", async () => {
  const { clock, enter, halt } = suffering(hang);
  const [one, other] = [enter(), enter()];
  await clock.advance(tickMs);
  halt();
  await clock.advance(tickMs);
  assert.deepEqual([one.ends.aborted, other.ends.aborted], [true, true]);
  other.leave();
});
