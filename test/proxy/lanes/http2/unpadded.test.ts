// DATA without its padding, however its payload is cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { flags, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { UnpaddedContent } from "../../../../src/proxy/lanes/http2/unpadded.ts";

function contentOf(content: UnpaddedContent, bits: number, payload: Buffer, cut: number): string {
  content.begin({ type: frameTypes.data, flags: bits, stream: 1, length: payload.length, padding: 0 });
  const pieces = [payload.subarray(0, cut), payload.subarray(cut)];
  return pieces.map((piece) => content.of(piece).toString("latin1")).join("");
}

const frames: readonly (readonly [string, number, Buffer, string])[] = [
  ["no padding", 0, Buffer.from("hello"), "hello"],
  ["some padding", flags.padded, Buffer.from("\x03hello\0\0\0", "latin1"), "hello"],
  ["a pad length of nought", flags.padded, Buffer.from("\0hello", "latin1"), "hello"],
  ["nothing but padding", flags.padded, Buffer.from("\x04\0\0\0\0", "latin1"), ""],
];

for (const [name, bits, payload, expected] of frames)
  test(`unpadded content: ${name}, cut at every byte`, () => {
    const content = new UnpaddedContent();
    for (let cut = 0; cut <= payload.length; cut++)
      assert.equal(contentOf(content, bits, payload, cut), expected);
  });

test("unpadded content: a frame begins anew", () => {
  const content = new UnpaddedContent();
  content.begin({ type: frameTypes.data, flags: flags.padded, stream: 1, length: 9, padding: 0 });
  assert.equal(contentOf(content, 0, Buffer.from("hello"), 2), "hello");
});
