// Who may harm whom now: the switch, the start, and what is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultControl } from "../../../src/control/faults/fault-control.ts";
import { noRules } from "../../../src/core/rule-set.ts";
import type { TapEvent } from "../../../src/core/tap.ts";
import { noFault, replyWith, ruleSpec } from "../../support/rule-spec.ts";

const specs = [
  ruleSpec({ name: "harm", fault: noFault }),
  ruleSpec({ name: "mock", respond: replyWith("hi") }),
  ruleSpec({ name: "both", respond: replyWith("hi"), fault: noFault }),
];
const rules = {
  ...noRules,
  rules: specs.map((spec, rank) => ({ spec, rank, effects: [], terminal: { kind: "relay" as const } })),
};

test("fault control: a rule whose time is over is none that could do harm", () => {
  const [harm] = specs;
  let wallMs = 0;
  const control = new FaultControl(
    () => ({
      ...noRules,
      rules: [
        { lapsesAtMs: 5_000, expiresAtMs: 1_000 },
        { lapsesAtMs: 10, expiresAtMs: 1_000 },
      ].map((times, rank) => ({
        spec: ruleSpec({ ...harm, name: `r${rank}`, scope: { ...ruleSpec({}).scope, ...times } }),
        ...{ rank, effects: [], terminal: { kind: "relay" as const } },
      })),
    }),
    { observe: () => undefined },
    { wall: () => wallMs, now: () => 10 },
  );
  assert.deepEqual(control.present, ["r0"]);
  wallMs = 1_000;
  assert.deepEqual(control.active, []);
});

test("fault control: holds faults until others were asked, and tells who stopped them", () => {
  const events: TapEvent[] = [];
  const control = new FaultControl(
    () => rules,
    { observe: (event) => void events.push(event) },
    { wall: () => 0, now: () => 0 },
  );
  assert.deepEqual([control.halted, control.active], [false, ["harm", "both"]]);
  control.hold();
  assert.deepEqual([control.halted, control.active], [true, []]);
  control.switch.say(true, "alice");
  control.release();
  assert.equal(control.halted, true);
  control.switch.say(true, "alice");
  control.switch.say(false, "bob");
  assert.deepEqual([control.halted, control.present], [false, ["harm", "both"]]);
  assert.deepEqual(events, [
    { kind: "faults-stopped", stopped: true, by: "alice" },
    { kind: "faults-stopped", stopped: false, by: "bob" },
  ]);
});
