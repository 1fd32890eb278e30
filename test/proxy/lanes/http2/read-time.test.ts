// The time of what is being read: asked for once a read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadTime } from "../../../../src/proxy/lanes/http2/read-time.ts";

test("read time: stands still while a read is dealt with, and goes on behind it", () => {
  let asked = 0;
  const time = new ReadTime({ now: () => ++asked });
  assert.equal(time.now(), 1);
  assert.equal(time.begin(), 2);
  assert.deepEqual([time.now(), time.now()], [2, 2]);
  time.end();
  assert.equal(time.now(), 3);
  assert.equal(time.begin(), 4);
  assert.deepEqual([time.now(), asked], [4, 4]);
});
