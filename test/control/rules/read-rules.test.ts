// Large files are parsed in turns with everybody else, and given up when nobody wants them any more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFiles } from "../../../src/control/rules/read-rules.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { manualClock } from "../../support/manual-clock.ts";

/** A clock on which each look costs ten milliseconds, as on a slow machine. */
function slowClock(): Clock {
  let now = 0;
  return {
    ...manualClock(),
    now() {
      now += 10;
      return now;
    },
  };
}

const count = 50;
const items = Array.from({ length: count }, (_, index) => `  - {name: r${index}, respond: {}}\n`);
const file = { name: "r.yaml", path: "/r.yaml", text: `version: 1\nrules:\n${items.join("")}` };

test("parsing lets others have a turn", async () => {
  let turns = 0;
  const other = (): void => {
    turns++;
    waiting = setImmediate(other);
  };
  let waiting = setImmediate(other);
  const { rules } = await parseFiles([file], slowClock(), new AbortController().signal);
  clearImmediate(waiting);
  assert.equal(rules.length, count);
  assert.ok(turns >= count / 2, `${turns} turns`);
});

test("parsing is given up when the signal aborts", async () => {
  const stopping = new AbortController();
  setImmediate(() => stopping.abort(new Error("enough")));
  await assert.rejects(parseFiles([file], slowClock(), stopping.signal), /enough/);
});

test("a rule of another set has its own origin as its place", async () => {
  const read = await parseFiles([file], manualClock(), new AbortController().signal);
  const [rule = assert.fail()] = read.rules;
  assert.deepEqual(read.locate(rule, ["respond"]), { place: "r.yaml:3", path: "rules[0].respond" });
  assert.deepEqual(read.locate({ ...rule, origin: "other:1" }, ["name"]), { place: "other:1", path: "" });
});
