// Header blocks: their place in a frame, and those that come in several frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockPlace } from "../../../../src/proxy/lanes/http2/block-place.ts";
import type { FrameHead } from "../../../../src/proxy/lanes/http2/frame-walk.ts";
import { errorCodes, flags, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { breaksBlocks, SplitBlock } from "../../../../src/proxy/lanes/http2/split-block.ts";

function headOf(type: keyof typeof frameTypes, bits: number, length: number, stream = 1): FrameHead {
  return { type: frameTypes[type], flags: bits, stream, length, padding: 0 };
}

/** What stands where in a frame with this payload, three bytes into a chunk. */
function placeIn(type: keyof typeof frameTypes, bits: number, payload: readonly number[]) {
  const bytes = Buffer.from([9, 9, 9, ...payload]);
  const place = new BlockPlace();
  const flaw = place.find(headOf(type, bits, payload.length), bytes, 3, bytes.length);
  const { fixedFrom, from, to } = place;
  return flaw
    ? flaw.code
    : { fixed: [...bytes.subarray(fixedFrom, from)], block: [...bytes.subarray(from, to)] };
}

test("block place: the whole payload", () => {
  assert.deepEqual(placeIn("headers", flags.endHeaders, [1, 2]), { fixed: [], block: [1, 2] });
});

test("block place: behind the priority, before the padding", () => {
  const bits = flags.padded | flags.priority;
  assert.deepEqual(placeIn("headers", bits, [2, 0, 0, 0, 7, 16, 1, 2, 0, 0]), {
    fixed: [0, 0, 0, 7, 16],
    block: [1, 2],
  });
});

test("block place: behind the stream that is promised, whatever the flag of priority says", () => {
  assert.deepEqual(placeIn("pushPromise", flags.priority, [0, 0, 0, 2, 1]), {
    fixed: [0, 0, 0, 2],
    block: [1],
  });
});

test("block place: a frame too short for what its flags say", () => {
  assert.equal(placeIn("headers", flags.priority, [0, 0, 0, 7]), errorCodes.frameSize);
  assert.equal(placeIn("headers", flags.padded, []), errorCodes.frameSize);
  assert.equal(placeIn("pushPromise", 0, [0, 0, 0]), errorCodes.frameSize);
});

test("block place: padding may fill a frame, and not more", () => {
  assert.deepEqual(placeIn("headers", flags.padded, [2, 0, 0]), { fixed: [], block: [] });
  assert.equal(placeIn("headers", flags.padded, [3, 0, 0]), errorCodes.protocol);
});

test("split block: all parts in their order, though the bytes are used again", () => {
  const bytes = Buffer.from("xabx");
  const head = { ...headOf("headers", flags.endStream, 2) };
  const block = new SplitBlock(head, bytes, 1, 3);
  head.flags = 0;
  bytes.write("cdef");
  assert.equal(block.add(bytes, 0, 4, 100, 9), true);
  bytes.fill(0);
  assert.equal(block.whole().toString(), "abcdef");
  assert.equal(block.head.flags, flags.endStream);
});

test("split block: neither more bytes nor more frames than are allowed", () => {
  const bytes = Buffer.alloc(4);
  const large = new SplitBlock(headOf("headers", 0, 4), bytes, 0, 4);
  assert.equal(large.add(bytes, 0, 4, 8, 9), true);
  assert.equal(large.add(bytes, 0, 1, 8, 9), false);
  const many = new SplitBlock(headOf("headers", 0, 4), bytes, 0, 0);
  assert.equal(many.add(bytes, 0, 0, 8, 2), true);
  assert.equal(many.add(bytes, 0, 0, 8, 2), false);
});

test("split block: nothing but its CONTINUATION may follow", () => {
  const open = new SplitBlock(headOf("headers", 0, 0, 5), Buffer.alloc(0), 0, 0);
  assert.equal(breaksBlocks(headOf("continuation", 0, 0, 5), open), false);
  assert.equal(breaksBlocks(headOf("continuation", 0, 0, 7), open), true);
  assert.equal(breaksBlocks(headOf("data", 0, 0, 5), open), true);
  assert.equal(breaksBlocks(headOf("continuation", 0, 0, 5), null), true);
  assert.equal(breaksBlocks(headOf("data", 0, 0, 5), null), false);
});
