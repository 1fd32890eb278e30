// The word on whether faults may happen: its order, its form, and who hears of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultSwitch } from "../../../src/control/faults/fault-switch.ts";
import {
  type FaultStop,
  formatStop,
  isLater,
  neverStopped,
  parseStop,
  shown,
} from "../../../src/core/fault-stop.ts";
import { seededRandom } from "../../../src/core/random.ts";

const word = (text: string, by = ""): FaultStop => parseStop(text, by) ?? assert.fail(text);

test("fault stop: a later word wins, and of two at one time the stop", () => {
  const table: readonly (readonly [next: string, known: string, later: boolean])[] = [
    ["h1", "r1", true],
    ["r1", "h1", false],
    ["h1", "h1", false],
    ["r2", "h1", true],
    ["h2", "r9", false],
  ];
  for (const [next, known, later] of table)
    assert.equal(isLater(word(next), word(known)), later, `${next} ${known}`);
  assert.equal(isLater(word("r1"), neverStopped), true);
});

test("fault stop: what is written is read back, and nothing else is read", () => {
  for (const text of ["h1", "r12", "h4503599627370496"]) assert.equal(formatStop(word(text)), text);
  assert.equal(formatStop(neverStopped), "");
  for (const text of ["", "h", "h0", "x1", "h-1", "h01", "h1 ", "h9007199254740991", "h99999999999999999"])
    assert.equal(parseStop(text), null, text);
  assert.equal(shown(`a\n\u001b[1m${"x".repeat(200)}`).length, 100);
  assert.equal(word("h1", "a\nb").by, "a?b");
});

test("fault switch: whatever the order in which words arrive, everybody ends with the same one", () => {
  const random = seededRandom(7);
  const said: FaultStop[] = [];
  const people = Array.from({ length: 5 }, () => new FaultSwitch({ wall: () => 0 }));
  for (const one of people) one.onChange((stop, own) => own && said.push(stop));
  for (let i = 0; i < 200; i++) {
    const one = people[random.uint32() % 5];
    const heard = said[random.uint32() % Math.max(1, said.length)];
    if (random.next() < 0.3) one?.say(random.next() < 0.5, `p${i}`);
    else if (heard) one?.hear(heard);
  }
  for (const one of people) for (const stop of said) one.hear(stop);
  assert.equal(new Set(people.map(({ stop }) => formatStop(stop))).size, 1);
});

test("fault switch: saying what holds is told again and changes nothing; news are told once", () => {
  const one = new FaultSwitch({ wall: () => 0 });
  const told: string[] = [];
  one.onChange((stop, own) => told.push(`${formatStop(stop)} ${own}`));
  one.say(true, "a");
  one.say(true, "b");
  one.hear(word("h1"));
  one.hear(word("r5"));
  one.hear(word("h4"));
  assert.deepEqual(told, ["h1 true", "h1 true", "r5 false"]);
  one.hear(word("r5", "carol"));
  assert.deepEqual([one.stop.by, told.length], ["carol", 3]);
});

test("fault switch: a word recorded before everybody was started anew changes nothing", () => {
  let nowMs = 1_700_000_000_000;
  const clock = { wall: () => nowMs };
  const before = new FaultSwitch(clock);
  const recorded: FaultStop[] = [];
  for (let i = 0; i < 20; i++) {
    nowMs += 1_000;
    recorded.push(before.say(i % 2 === 0, "alice"));
  }
  nowMs += 60_000;
  const after = new FaultSwitch(clock);
  after.say(true, "bob");
  for (const old of recorded) after.hear(old);
  assert.deepEqual([after.stop.halted, after.stop.by], [true, "bob"]);
  after.say(false, "bob");
  for (const old of recorded) after.hear(old);
  assert.equal(after.stop.halted, false);
});

test("fault switch: no word is the last one for ever, however late it claims to be", () => {
  const clock = { wall: () => 1_700_000_000_000 };
  const one = new FaultSwitch(clock);
  one.hear(word("h4503599627370496"));
  assert.equal(one.stop.halted, false);
  const century = 100 * 365 * 86_400_000;
  one.hear({ halted: true, time: clock.wall() + century, by: "mallory" });
  assert.equal(one.stop.halted, true);
  const other = new FaultSwitch({ wall: () => clock.wall() + 1 });
  other.hear(one.stop);
  other.hear(one.say(false, "alice"));
  assert.deepEqual([one.stop.halted, other.stop.halted], [false, false]);
});

test("fault switch: a clock that goes back makes no word older than those it knows of", () => {
  let nowMs = 5_000;
  const one = new FaultSwitch({ wall: () => nowMs });
  const stop = one.say(true, "alice");
  nowMs = 100;
  assert.ok(isLater(one.say(false, "alice"), stop));
});
