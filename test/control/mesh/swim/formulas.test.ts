import assert from "node:assert/strict";
import { test } from "node:test";
import { Awareness } from "../../../../src/control/mesh/swim/awareness.ts";
import { BroadcastQueue } from "../../../../src/control/mesh/swim/broadcast-queue.ts";
import { patientTimer } from "../../../../src/control/mesh/swim/patient-timer.ts";
import {
  lanTiming,
  localTiming,
  pushPullIntervalMs,
  retransmitLimit,
  suspicionTimeoutMs,
  suspicionTimes,
  wanTiming,
} from "../../../../src/control/mesh/swim/timing.ts";
import { SimulatedClock } from "../simulation/simulated-clock.ts";

test("timing: suspicion lasts as long as with the peers", () => {
  for (const [known, minMs] of [
    [1, 4_000],
    [10, 4_000],
    [30, 5_908],
    [100, 8_000],
    [1_000, 12_000],
  ] as const) {
    const times = suspicionTimes(lanTiming, known, known);
    assert.equal(Math.round(times.minMs), minMs);
    assert.equal(times.maxMs, times.minMs * 6);
  }
  const times = suspicionTimes(lanTiming, 10, 10);
  assert.equal(times.wanted, 2);
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => Math.round(suspicionTimeoutMs(times, n))),
    [24_000, 11_381, 4_000, 4_000],
  );
  assert.equal(suspicionTimes(lanTiming, 4, 3).wanted, 0, "nobody left who could confirm");
  assert.equal(suspicionTimeoutMs(suspicionTimes(lanTiming, 4, 3), 0), 4_000);
  assert.equal(suspicionTimes(wanTiming, 10, 10).minMs, 30_000);
  assert.equal(suspicionTimes(localTiming, 10, 10).minMs, 3_000);
});

test("timing: retransmissions and push-pulls follow the size of the mesh", () => {
  assert.deepEqual(
    [1, 2, 9, 10, 99, 100, 999].map((n) => retransmitLimit(lanTiming, n)),
    [4, 4, 4, 8, 8, 12, 12],
  );
  assert.deepEqual(
    [1, 32, 33, 64, 65, 128].map((n) => pushPullIntervalMs(lanTiming, n) / 30_000),
    [1, 1, 2, 2, 3, 3],
  );
});

test("awareness: stays from 0 to 7 and scales what we wait", () => {
  const awareness = new Awareness(8);
  awareness.change(-3);
  assert.equal(awareness.scale(1_000), 1_000);
  awareness.change(100);
  assert.equal(awareness.score, 7);
  assert.equal(awareness.scale(1_000), 8_000);
});

test("patient timer: a moment that was missed is no verdict yet", () => {
  const clock = new SimulatedClock();
  const log: string[] = [];
  patientTimer(clock, 100, () => log.push("on time"));
  clock.run(100);
  patientTimer(
    clock,
    100,
    () => log.push("fired"),
    () => log.push("late"),
  );
  clock.stall(3_000);
  clock.after(0, () => log.push("the sockets are read"));
  clock.run(100);
  assert.deepEqual(log, ["on time", "late", "the sockets are read", "fired"]);
  const cancelled = patientTimer(clock, 100, () => assert.fail());
  clock.stall(3_000);
  clock.run(10);
  cancelled.cancel();
  clock.run(1_000);
});

const texts = (taken: readonly Buffer[]) => taken.map((message) => message.toString());

test("queue: what was sent least goes first, of these the larger, of these the newer", () => {
  const queue = new BroadcastQueue();
  for (const text of ["aa", "b", "cc"]) queue.add(text, Buffer.from(text));
  assert.deepEqual(texts(queue.take(6, 1, 9)), ["cc", "aa"]);
  assert.deepEqual(texts(queue.take(6, 1, 9)), ["b", "cc"]);
  queue.add("d", Buffer.from("d"));
  assert.deepEqual(texts(queue.take(100, 1, 9)), ["d", "aa", "b", "cc"]);
});

test("queue: the limit lets a message go, and says so", () => {
  const queue = new BroadcastQueue();
  let finished = 0;
  queue.add("a", Buffer.from("a"), () => finished++);
  for (let i = 0; i < 3; i++) assert.equal(queue.take(10, 2, 4).length, 1);
  assert.equal(finished, 0);
  assert.equal(queue.take(10, 2, 4).length, 1);
  assert.equal(finished, 1);
  assert.equal(queue.size, 0);
  assert.deepEqual(queue.take(10, 2, 4), []);
});

test("queue: news about a member replaces what was queued about it", () => {
  const queue = new BroadcastQueue();
  let replaced = 0;
  queue.add("a", Buffer.from("old"), () => replaced++);
  queue.take(10, 2, 9);
  queue.add("a", Buffer.from("new"));
  assert.equal(replaced, 1);
  assert.deepEqual(texts(queue.take(100, 2, 9)), ["new"]);
});

test("queue: a message larger than any packet goes alone", () => {
  const queue = new BroadcastQueue();
  queue.add(null, Buffer.alloc(50));
  assert.equal(queue.take(10, 2, 9).length, 0);
  assert.equal(queue.take(10, 2, 9, true).length, 1);
});

test("queue: it is bounded, and forgets what was replaced", () => {
  const queue = new BroadcastQueue();
  for (let i = 0; i < 20_000; i++) queue.add(null, Buffer.from(String(i)));
  assert.equal(queue.size, 8_192);
  for (let i = 0; i < 20_000; i++) queue.add("same", Buffer.from(String(i)));
  assert.equal(queue.size, 8_192);
  queue.clear();
  assert.equal(queue.size, 0);
});
