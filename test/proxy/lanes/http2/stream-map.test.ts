// The table of open streams against a Map, under the coming and going of streams.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../src/core/random.ts";
import { StreamMap } from "../../../../src/proxy/lanes/http2/stream-map.ts";

test("stream map: what a Map would say, whoever comes and goes, odd ids and even ones", () => {
  const random = seededRandom(7);
  for (const most of [1, 3, 60, 3_000]) {
    const map = new StreamMap<string>();
    const model = new Map<number, string>();
    let last = 1;
    for (let step = 0; step < 20_000; step++) {
      const ids = [...model.keys()];
      // Mostly the oldest ones go, some stay for long, and ids that are no more are asked for.
      const picked = ids[Math.floor((ids.length * (random.uint32() % 4)) / 16)];
      if (picked === undefined || (model.size < most && random.uint32() % 2 === 0)) {
        last += 1 + (random.uint32() % 5);
        map.set(last, `${last}`);
        model.set(last, `${last}`);
      } else {
        map.delete(picked);
        model.delete(picked);
      }
      const asked = Math.max(1, last - (random.uint32() % 200));
      assert.equal(map.get(asked), model.get(asked));
      assert.equal(map.has(asked), model.has(asked));
      assert.equal(map.size, model.size);
    }
    assert.deepEqual(
      map.entries(),
      [...model].sort(([one], [other]) => one - other),
    );
    assert.equal(map.places.filter((member) => member !== null).length, model.size);
  }
});

test("stream map: takes a member's place, grows, and is small again when it is empty", () => {
  const map = new StreamMap<string>();
  map.set(1, "old");
  map.set(1, "new");
  assert.equal(map.get(1), "new");
  assert.equal(map.size, 1);
  for (let id = 3; id < 4_001; id += 2) map.set(id, "more");
  assert.ok(map.places.length >= 4_000);
  for (let id = 1; id < 4_001; id += 2) map.delete(id);
  assert.equal(map.size, 0);
  assert.ok(map.places.length < 16);
  map.set(5, "again");
  map.clear();
  assert.deepEqual(map.entries(), []);
  map.delete(5); // nobody
  assert.equal(map.size, 0);
});
