import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBorders } from "../../../../src/proxy/lanes/http2/frame-borders.ts";
import { frame, settingsFrame, windowUpdateFrame } from "../../../../src/proxy/lanes/http2/frames.ts";

const frames = [
  settingsFrame([]),
  frame(0, 0, 1, Buffer.alloc(70_000)),
  windowUpdateFrame(0, 1),
  frame(0, 1, 1),
];
const whole = Buffer.concat(frames);
const ends = frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length);

test("frame borders: the last one in each piece is found, wherever the bytes are split", () => {
  for (const near of ends)
    for (let at = Math.max(1, near - 20); at < Math.min(whole.length, near + 20); at++) {
      const borders = new FrameBorders();
      const before = ends.findLast((end) => end <= at) ?? -1;
      assert.equal(borders.feed(whole.subarray(0, at)), before, `split at ${at}`);
      assert.equal(borders.atBorder, before === at);
      assert.equal(borders.passed, before > 0);
      assert.equal(borders.feed(whole.subarray(at)), whole.length - at);
      assert.ok(borders.atBorder);
    }
});

test("frame borders: octet by octet", () => {
  const borders = new FrameBorders();
  const found: number[] = [];
  for (let at = 0; at < whole.length; at++)
    if (borders.feed(whole.subarray(at, at + 1)) === 1) found.push(at + 1);
  assert.deepEqual(found, ends);
});
