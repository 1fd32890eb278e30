import assert from "node:assert/strict";
import { test } from "node:test";
import { ActiveCalls } from "../../../src/proxy/perform/active-calls.ts";

test("active calls: alone a rule has as many as it says, and a count that is empty is not kept", () => {
  const calls = new ActiveCalls(false);
  assert.equal(calls.hasRoom("slow", 2), true);
  const [one, two] = [calls.enter("slow"), calls.enter("slow")];
  assert.equal(one, two);
  assert.equal(calls.hasRoom("slow", 2), false);
  assert.deepEqual(calls.look("slow"), { active: 2, peak: 2, refused: true });
  calls.leave("slow", one);
  assert.deepEqual(calls.look("slow"), { active: 1, peak: 2, refused: false });
  calls.leave("slow", two);
  assert.equal(calls.of("slow"), 0);
  assert.notEqual(calls.enter("slow"), one);
});

test("active calls: in a mesh a rule has its share, and nothing before that is known", () => {
  const calls = new ActiveCalls(true);
  assert.equal(calls.hasRoom("slow", 9), false);
  calls.setShare("slow", 1);
  assert.equal(calls.hasRoom("slow", 9), true);
  const count = calls.enter("slow");
  assert.equal(calls.hasRoom("slow", 9), false);
  calls.setShare("slow", 2);
  assert.equal(calls.hasRoom("slow", 9), true);
  assert.equal(calls.hasRoom("slow", 1), false);
  calls.setShare("slow", null);
  assert.equal(calls.hasRoom("slow", 9), false);
  calls.leave("slow", count);
  assert.deepEqual(calls.look("slow"), { active: 0, peak: 0, refused: false });
});
