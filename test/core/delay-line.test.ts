import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DelayLine } from "../../src/core/delay-line.ts";
import { manualClock } from "../support/manual-clock.ts";

describe("a delay line", () => {
  it("ends each wait after the delay, in order, with one timer", async () => {
    const clock = manualClock();
    const line = new DelayLine(clock, 200);
    const ended: string[] = [];
    line.wait(() => ended.push("a"));
    await clock.advance(50);
    line.wait(() => ended.push("b"));
    assert.equal(clock.pending(), 1);
    await clock.advance(149);
    assert.deepEqual(ended, []);
    await clock.advance(1);
    assert.deepEqual(ended, ["a"]);
    await clock.advance(50);
    assert.deepEqual(ended, ["a", "b"]);
    assert.equal(clock.pending(), 0);
  });

  it("leaves out what was cancelled: first, last, in the middle", async () => {
    for (const cancelled of [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]]) {
      const clock = manualClock();
      const line = new DelayLine(clock, 200);
      const ended: number[] = [];
      const waits = [0, 1, 2].map((index) => line.wait(() => ended.push(index)));
      for (const index of cancelled) {
        waits[index]?.cancel();
        waits[index]?.cancel();
      }
      await clock.advance(200);
      assert.deepEqual(
        ended,
        [0, 1, 2].filter((index) => !cancelled.includes(index)),
      );
    }
  });

  it("is not disturbed by waits that begin or are cancelled while one ends", async () => {
    const clock = manualClock();
    const line = new DelayLine(clock, 200);
    const ended: string[] = [];
    line.wait(() => {
      ended.push("a");
      second.cancel();
      line.wait(() => ended.push("c"));
    });
    const second = line.wait(() => ended.push("b"));
    await clock.advance(200);
    assert.deepEqual(ended, ["a"]);
    await clock.advance(200);
    assert.deepEqual(ended, ["a", "c"]);
    assert.equal(clock.pending(), 0);
  });
});
