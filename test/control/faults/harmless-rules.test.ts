// Rules without their faults: what is left, how soon, and what happens when rules change meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultControl } from "../../../src/control/faults/fault-control.ts";
import { HarmlessRules, withoutFault } from "../../../src/control/faults/harmless-rules.ts";
import type { FaultSpec, RuleSpec } from "../../../src/core/rule.ts";
import { type Compile, noRules, type RuleSet } from "../../../src/core/rule-set.ts";
import type { TapEvent } from "../../../src/core/tap.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { replyWith, ruleSpec } from "../../support/rule-spec.ts";

const fault: FaultSpec = {
  delay: null,
  abort: { kind: "reset" },
  throttle: null,
  slice: null,
  truncate: null,
  corrupt: null,
};
const harm = ruleSpec({ name: "harm", fault });
const mock = ruleSpec({ name: "mock", respond: replyWith("hi") });
const both = ruleSpec({ name: "both", respond: replyWith("hi"), fault });

function setOf(specs: readonly RuleSpec[], revision = "r"): RuleSet {
  const rules = specs.map((spec, rank) => ({
    spec,
    rank,
    effects: [],
    terminal: { kind: "relay" as const },
  }));
  return { ...noRules, revision, rules };
}

function rig(compile: Compile, first = setOf([harm, mock, both])) {
  const clock = manualClock();
  const events: TapEvent[] = [];
  const tap = { observe: (event: TapEvent) => void events.push(event) };
  let inForce = first;
  const rules = () => inForce;
  const { signal } = new AbortController();
  const harmless = new HarmlessRules({ rules, compile, empty: noRules, clock, tap, signal });
  const control = new FaultControl({ harmless, rules, tap });
  const names = () => harmless.rules().rules.map(({ spec }) => `${spec.name}${spec.fault ? "!" : ""}`);
  return { clock, events, harmless, control, names, change: (set: RuleSet) => (inForce = set) };
}

const compile: Compile = async (specs, revision) => setOf(specs, revision);

test("harmless rules: faults are taken away, mocks stay, and all is as before after it", async () => {
  const { names, harmless } = rig(compile);
  assert.deepEqual(names(), ["harm!", "mock", "both!"]);
  await harmless.setHalted(true);
  assert.deepEqual(names(), ["mock", "both"]);
  await harmless.setHalted(false);
  assert.deepEqual(names(), ["harm!", "mock", "both!"]);
  assert.equal(withoutFault(mock), mock);
});

test("harmless rules: rules that change while faults are stopped never bring one", async () => {
  const { names, harmless, change, clock } = rig(compile);
  await harmless.setHalted(true);
  change(setOf([harm, mock], "r2"));
  assert.deepEqual(names(), ["mock", "both"]); // those of before, until the new ones are ready
  await clock.advance(0);
  assert.deepEqual(names(), ["mock"]);
});

test("harmless rules: where it takes too long there are none at all, until it is done", async () => {
  let finish = () => undefined as unknown;
  const slow: Compile = (specs, revision) =>
    new Promise((resolve) => {
      finish = () => resolve(setOf(specs, revision));
    });
  const { names, harmless, clock } = rig(slow);
  const halted = harmless.setHalted(true);
  assert.deepEqual(names(), ["harm!", "mock", "both!"]);
  await clock.advance(400);
  await halted;
  assert.deepEqual(names(), []);
  finish();
  await clock.advance(0);
  assert.deepEqual(names(), ["mock", "both"]);
});

test("harmless rules: rules that cannot be made without faults are none at all, and that is told", async () => {
  const failing: readonly Compile[] = [
    async () => ({ problems: [] }),
    async () => {
      throw new Error("no memory");
    },
  ];
  for (const broken of failing) {
    const { names, harmless, events } = rig(broken);
    await harmless.setHalted(true);
    assert.deepEqual(names(), []);
    assert.match(
      JSON.stringify(events),
      /"area":"faults","message":"while faults are stopped there are no rules/,
    );
  }
});

test("fault control: holds faults until others were asked, and tells who stopped them", async () => {
  const { control, names, events, clock } = rig(compile);
  assert.deepEqual(control.active, ["harm", "both"]);
  await control.hold();
  assert.deepEqual([names(), control.active], [["mock", "both"], []]);
  control.switch.say(true, "alice");
  control.release();
  await control.settle();
  assert.deepEqual(names(), ["mock", "both"]);
  control.switch.say(false, "bob");
  await clock.advance(0);
  assert.deepEqual(names(), ["harm!", "mock", "both!"]);
  assert.deepEqual(control.present, ["harm", "both"]);
  assert.deepEqual(events, [
    { kind: "faults-stopped", stopped: true, by: "alice" },
    { kind: "faults-stopped", stopped: false, by: "bob" },
  ]);
});
