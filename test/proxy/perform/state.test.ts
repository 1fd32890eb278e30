// The store of scenario states: values per name and key, within its bound.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStates } from "../../../src/proxy/perform/state.ts";

test("states: a value per name and key", () => {
  const states = createStates(10);
  states.set("cart", "alice", "full");
  states.set("cart", "bob", "empty");
  states.set("door", "alice", "open");
  assert.equal(states.get("cart", "alice"), "full");
  assert.equal(states.get("cart", "bob"), "empty");
  assert.equal(states.get("door", "alice"), "open");
  assert.equal(states.get("door", "bob"), undefined);
  states.set("cart", "alice", "paid");
  assert.equal(states.get("cart", "alice"), "paid");
  assert.equal(states.size, 3);
  states.clear();
  assert.equal(states.size, 0);
});

test("states: name and key cannot be confused", () => {
  const states = createStates(10);
  states.set("a", "bc", "1");
  assert.equal(states.get("ab", "c"), undefined);
  assert.equal(states.get("a", " bc"), undefined);
});

test("states: the least recently used goes when the store is full", () => {
  const states = createStates(3);
  for (const key of ["a", "b", "c"]) states.set("s", key, key);
  states.get("s", "a");
  states.set("s", "b", "B");
  states.set("s", "d", "d");
  assert.equal(states.size, 3);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => states.get("s", key)),
    ["a", "B", undefined, "d"],
  );
});

test("states: keys of any length are told apart without being kept whole", () => {
  const states = createStates(10);
  const long = "k".repeat(100_000);
  states.set("s", long, "1");
  states.set("s", `${long}x`, "2");
  assert.deepEqual([states.get("s", long), states.get("s", `${long}x`)], ["1", "2"]);
});
