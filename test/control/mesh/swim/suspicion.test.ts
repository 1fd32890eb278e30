// When a suspicion ends, and that nobody is given up without a look of our own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Suspicion } from "../../../../src/control/mesh/swim/suspicion.ts";
import { lanTiming, suspicionTimes } from "../../../../src/control/mesh/swim/timing.ts";
import { SimulatedClock } from "../simulation/simulated-clock.ts";

function rig() {
  const clock = new SimulatedClock();
  const log: string[] = [];
  const note = (what: string) => () => log.push(`${what} at ${Math.round(clock.now())}`);
  const times = suspicionTimes(lanTiming, 10, 10); // 4 s at least, 24 s at most, two confirmations
  const suspicion = new Suspicion(clock, times, "first", { look: note("look"), dead: note("dead") });
  return { clock, suspicion, log };
}

test("suspicion: confirmed at once, it lasts for its shortest time, with looks before its end", () => {
  const { clock, suspicion, log } = rig();
  assert.equal(suspicion.confirm("second"), true);
  assert.equal(suspicion.confirm("second"), false);
  assert.equal(suspicion.confirm("third"), true);
  assert.equal(suspicion.confirm("fourth"), false, "enough have said so");
  clock.run(30_000);
  assert.deepEqual(log, ["look at 0", "look at 1000", "look at 2000", "look at 3000", "dead at 4000"]);
});

test("suspicion: confirmations that come late end it only after looks of our own", () => {
  const { clock, suspicion, log } = rig();
  clock.run(10_000);
  assert.deepEqual(log, []);
  suspicion.confirm("second");
  suspicion.confirm("third");
  clock.run(30_000);
  assert.deepEqual(log, ["look at 10000", "look at 11000", "dead at 12000"]);
});

test("suspicion: an answer gives it all its time again, and looks again", () => {
  const { clock, suspicion, log } = rig();
  clock.run(10_000);
  suspicion.confirm("second");
  suspicion.confirm("third");
  clock.run(1_500);
  suspicion.answered();
  log.length = 0;
  clock.run(30_000);
  assert.deepEqual(log.at(-1), "dead at 15500");
  assert.ok(log.length >= 3, log.join(", "));
  suspicion.cancel();
});

test("suspicion: cancelled, it looks and ends no more", () => {
  const { clock, suspicion, log } = rig();
  suspicion.cancel();
  clock.run(60_000);
  assert.deepEqual(log, []);
});
