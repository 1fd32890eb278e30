// Bytes in one place: in order whatever the pieces, and what was handed out stays as it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GrowingBytes } from "../../src/core/growing-bytes.ts";

test("growing bytes: a queue, whatever is appended and dropped", () => {
  const step = fc.record({
    add: fc.uint8Array({ maxLength: 600 }),
    drop: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const bytes = new GrowingBytes();
      let expected: number[] = [];
      const handedOut: { view: Buffer; was: Buffer }[] = [];
      for (const { add, drop } of steps) {
        bytes.append(add);
        expected = [...expected, ...add];
        handedOut.push({ view: bytes.all, was: Buffer.from(expected) });
        const count = Math.floor(drop * expected.length);
        bytes.drop(count);
        expected = expected.slice(count);
        assert.equal(bytes.length, expected.length);
        assert.deepEqual([...bytes.all], expected);
      }
      for (const { view, was } of handedOut) assert.ok(view.equals(was));
    }),
  );
});

test("growing bytes: takes a part of what it is given", () => {
  const bytes = new GrowingBytes();
  bytes.append(Buffer.from("abcdef"), 2, 4);
  bytes.append(Buffer.from("xyz"), 1);
  assert.equal(bytes.all.toString(), "cdyz");
});

test("growing bytes: a million single bytes cost about what they weigh", () => {
  const bytes = new GrowingBytes();
  const one = Buffer.alloc(1, "x");
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 1_000_000; i++) bytes.append(one);
  assert.equal(bytes.length, 1_000_000);
  // All places it ever had, even if none was collected yet.
  assert.ok(process.memoryUsage().arrayBuffers - before < 6_000_000);
});
