// Equal parts become one object; parts that only look equal do not, and constants are left alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedParts } from "../../../../src/control/rules/reader/shared-parts.ts";

test("shared parts: equal parts at any depth are one object afterwards, and nothing else has changed", () => {
  const make = () => ({ a: { b: { c: [1, null, "x"] } }, d: { b: { c: [1, null, "x"] } } });
  const [first, second] = [make(), make()];
  const parts = new SharedParts();
  for (const value of [first, second]) parts.share(value);
  assert.equal(first.a, second.a);
  assert.equal(first.a, first.d);
  assert.deepEqual(second, make());
});

test("shared parts: what JSON cannot say apart stays apart", () => {
  const value = {
    bytes: { it: Uint8Array.of(7) },
    plain: { it: { 0: 7 } },
    endless: { it: Number.POSITIVE_INFINITY },
    nothing: { it: null },
  };
  new SharedParts().share(value);
  assert.deepEqual(value.bytes.it, Uint8Array.of(7));
  assert.notEqual(value.endless as unknown, value.nothing as unknown);
  assert.equal(value.endless.it, Number.POSITIVE_INFINITY);
});

test("shared parts: a frozen constant is shared as it is, and not written to", () => {
  const constant = Object.freeze({ inner: { list: [] } });
  const value = { one: constant, two: { inner: { list: [] } } };
  new SharedParts().share(value);
  assert.equal(value.one, constant);
  assert.equal(value.two as unknown, constant);
});
