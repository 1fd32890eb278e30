// When the engine is asked to tidy up, on a manual clock; and that it really does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createTidyTap } from "../../src/commands/tidy-memory.ts";
import { manualClock } from "../support/manual-clock.ts";

function watched() {
  const said: string[] = [];
  const engine = {
    collect: () => void said.push("collect"),
    optimise: (on: boolean) => void said.push(on ? "optimise" : "hold"),
  };
  return { said, engine, clock: manualClock() };
}

const applied = { kind: "rules-applied", revision: "1", rules: 1 } as const;

test("tidy memory: once the start is over, code is optimised and garbage collected", async () => {
  const { said, engine, clock } = watched();
  createTidyTap(clock, false, engine);
  assert.deepEqual(said, ["hold"]);
  await clock.advance(700);
  assert.deepEqual(said, ["hold", "optimise", "collect"]);
  await clock.advance(10_000);
  assert.equal(said.length, 3);
});

test("tidy memory: a reload is waited for, and tidied up after", async () => {
  const { said, engine, clock } = watched();
  const tap = createTidyTap(clock, false, engine);
  await clock.advance(600);
  tap.observe(applied);
  await clock.advance(600);
  assert.deepEqual(said, ["hold"]);
  await clock.advance(100);
  assert.deepEqual(said, ["hold", "optimise", "collect"]);
  tap.observe(applied);
  await clock.advance(700);
  assert.equal(said.filter((word) => word === "collect").length, 2);
});

test("tidy memory: a start with rules is over when they are in force", async () => {
  const { said, engine, clock } = watched();
  const tap = createTidyTap(clock, true, engine);
  await clock.advance(1_500);
  assert.deepEqual(said, ["hold"]);
  tap.observe(applied);
  await clock.advance(700);
  assert.deepEqual(said, ["hold", "optimise", "collect"]);
});

test("tidy memory: a long start is optimised after all", async () => {
  const { said, engine, clock } = watched();
  const tap = createTidyTap(clock, false, engine);
  for (let at = 0; at < 3_000; at += 500) {
    tap.observe(applied);
    await clock.advance(500);
  }
  assert.deepEqual(said, ["hold", "optimise"]);
});

test("tidy memory: V8 collects when it is asked to", async () => {
  const clock = manualClock();
  createTidyTap(clock, false);
  const gone = new WeakRef({ garbage: true });
  await clock.advance(700);
  await new Promise((resolve) => setImmediate(resolve));
  createTidyTap(clock, false);
  await clock.advance(700);
  assert.equal(gone.deref(), undefined);
});
