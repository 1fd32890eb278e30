// Whole states are compared after many have come back, once, and not after a few.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Reunion } from "../../../../src/control/mesh/swim/reunion.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { SimulatedClock } from "../simulation/simulated-clock.ts";

function rig() {
  const clock = new SimulatedClock();
  let compared = 0;
  const reunion = new Reunion({ clock, random: seededRandom(1), compare: () => compared++ });
  const back = (count: number) => {
    for (let i = 0; i < count; i++) reunion.returned(100);
  };
  return { clock, reunion, back, compared: () => compared };
}

test("reunion: a tenth that comes back is a reason to compare, once for all of them", () => {
  const { clock, back, compared } = rig();
  back(9);
  clock.run(10_000);
  assert.equal(compared(), 0);
  back(40);
  clock.run(4_900);
  assert.equal(compared(), 0, "not while everybody tells of it");
  clock.run(5_200);
  assert.equal(compared(), 1);
  clock.run(60_000);
  assert.equal(compared(), 1);
});

test("reunion: single ones, one now and one then, are no reason; and nothing happens after the end", () => {
  const { clock, reunion, back, compared } = rig();
  for (let i = 0; i < 20; i++) {
    back(1);
    clock.run(31_000);
  }
  assert.equal(compared(), 0);
  back(20);
  reunion.stop();
  clock.run(60_000);
  assert.equal(compared(), 0);
});
