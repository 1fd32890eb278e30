// A word for those who wait: said after seconds, and not where the work is quick or fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sayIfSlow } from "../../src/commands/patience.ts";
import { manualClock } from "../support/manual-clock.ts";

function stage() {
  const clock = manualClock();
  let text = "";
  const stderr = {
    isTTY: false,
    write(more: string) {
      text += more;
    },
  };
  return { clock, stderr, said: () => text };
}

test("patience: what takes seconds is told, and again while it lasts", async () => {
  const { clock, stderr, said } = stage();
  const work = Promise.withResolvers<number>();
  const waiting = sayIfSlow(work.promise, "reading a\u001b.yaml", stderr, clock);
  await clock.advance(1_999);
  assert.equal(said(), "");
  await clock.advance(1);
  assert.match(said(), /^understudy: still reading a\P{Cc}+\.yaml …\n$/u);
  await clock.advance(10_000);
  assert.equal(said().split("\n").length, 4);
  work.resolve(7);
  assert.equal(await waiting, 7);
});

test("patience: how far it has come is told with it", async () => {
  const { clock, stderr, said } = stage();
  const work = Promise.withResolvers<void>();
  let rules = 5;
  const waiting = sayIfSlow(work.promise, "reading a", stderr, clock, () => `${rules} rules so far`);
  await clock.advance(2_000);
  rules = 9;
  await clock.advance(5_000);
  work.resolve();
  await waiting;
  const line = "understudy: still reading a …";
  assert.equal(said(), `${line} 5 rules so far\n${line} 9 rules so far\n`);
});

test("patience: nothing is told of what is quick, or fails", async () => {
  const { clock, stderr, said } = stage();
  assert.equal(await sayIfSlow(Promise.resolve(7), "reading", stderr, clock), 7);
  await assert.rejects(sayIfSlow(Promise.reject(new Error("no")), "reading", stderr, clock), /no/);
  await clock.advance(60_000);
  assert.equal(said(), "");
});
