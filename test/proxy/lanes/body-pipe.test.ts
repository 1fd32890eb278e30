// A body on its way to its reader: the queue has a bound, however small the pieces are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyPipe } from "../../../src/proxy/lanes/body-pipe.ts";

function openPipe() {
  const flow = { stopped: false };
  const pipe = new BodyPipe({
    start: () => {
      flow.stopped = false;
    },
    stop: () => {
      flow.stopped = true;
    },
  });
  return { flow, pipe };
}

/** How many pieces it takes before it wants no more. */
function piecesUntilStopped(bytes: number): number {
  const { flow, pipe } = openPipe();
  for (let count = 1; count <= 100_000; count++) {
    pipe.push(Buffer.alloc(bytes));
    if (flow.stopped) return count;
  }
  return Number.POSITIVE_INFINITY;
}

test("body pipe: stops its source at a bound of bytes, and at one of pieces", () => {
  assert.equal(piecesUntilStopped(65_536), 1);
  assert.equal(piecesUntilStopped(16_384), 4);
  assert.equal(piecesUntilStopped(1), 64);
});

test("body pipe: a reader that has caught up starts it again, and gets every byte", async () => {
  const { flow, pipe } = openPipe();
  for (let i = 0; i < 100; i++) pipe.push(Buffer.from([i]));
  assert.equal(flow.stopped, true);
  const read: number[] = [];
  for await (const chunk of pipe.body(null).chunks()) {
    read.push(...chunk);
    if (read.length < 100) continue;
    if (read.length === 100) queueMicrotask(() => pipe.push(Buffer.from([100])));
    else pipe.end([]);
  }
  assert.equal(flow.stopped, false);
  assert.deepEqual(read, [...Array(101).keys()]);
});
