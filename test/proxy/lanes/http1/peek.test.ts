// A request that is held back: what it keeps is its own, in one place, so that the buffers it came in serve again.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Undecided } from "../../../../src/core/lane.ts";
import { defaultSettings } from "../../../../src/core/settings.ts";
import { BodyWalk } from "../../../../src/proxy/lanes/http1/body-walk.ts";
import { Peek } from "../../../../src/proxy/lanes/http1/peek.ts";

const head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
const needsAll: Undecided = {
  kind: "undecided",
  isEnough: () => false,
  lacks: () => null,
  decide: () => null,
};

/** Feeds each piece from the same buffer, which is overwritten by the next one. */
function drip(peek: Peek, pieces: readonly string[]): BodyWalk {
  const walk = new BodyWalk(defaultSettings.limits);
  walk.begin("chunked", 0);
  const buffer = Buffer.alloc(64);
  for (const piece of pieces) {
    buffer.fill(0);
    const bytes = buffer.subarray(0, buffer.write(piece, "latin1"));
    assert.equal(peek.feed(walk, bytes, 0), bytes.length);
  }
  return walk;
}

test("peek: what came is kept in one place, and the buffers it came in are free", () => {
  const peek = new Peek(needsAll, Buffer.from(head), 1_000);
  const pieces = [..."0123456789"].map((digit) => `1;x=${digit}\r\n${digit}\r\n`);
  const walk = drip(peek, [...pieces, "0\r\n", "After: all\r\n\r\n"]);
  assert.equal(walk.done, true);
  assert.equal(peek.body?.toString(), "0123456789");
  assert.equal(peek.whole.toString(), "0123456789");
  assert.equal(peek.request.toString(), `${head}${pieces.join("")}0\r\nAfter: all\r\n\r\n`);
});

test("peek: a body past the limit is not looked at, and nothing of it is lost", () => {
  const peek = new Peek(needsAll, Buffer.from(head), 4);
  drip(peek, ["4\r\nabcd\r\n"]);
  assert.equal(peek.isSettled, false);
  drip(peek, ["3\r\nefg\r\n"]);
  assert.equal(peek.body, null);
  assert.equal(peek.isSettled, true);
  assert.equal(peek.whole.toString(), "abcdefg");
  assert.equal(peek.request.toString(), `${head}4\r\nabcd\r\n3\r\nefg\r\n`);
});
