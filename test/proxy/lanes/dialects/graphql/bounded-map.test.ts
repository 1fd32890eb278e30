// What caches keep, and what they let go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "../../../../../src/proxy/lanes/dialects/graphql/bounded-map.ts";

test("bounded map: the least recently used entry goes first", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
});

test("bounded map: heavy entries push out as many as they need, and one that is too heavy does not stay", () => {
  const map = new BoundedMap<string, number>(10, 100);
  for (const [index, name] of ["a", "b", "c"].entries()) map.set(name, index, 30);
  map.set("d", 3, 60);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.get("d")], [undefined, undefined, 2, 3]);
  map.set("c", 4, 10);
  assert.equal(map.get("d"), 3, "the old weight of c no longer counts");
  map.set("e", 5, 101);
  assert.equal(map.size, 0);
});
