// Telling events apart: the same blocks, wherever the bytes are cut (HTML Living Standard §9.2.6).

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSplitter } from "../../../src/proxy/perform/event-stream.ts";

const streams: readonly (readonly [name: string, text: string, events: number])[] = [
  ["LF", "data: a\n\ndata: b\nid: 1\n\n", 2],
  ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", 2],
  ["CR", "data: a\r\rdata: b\r\r", 2],
  ["mixed", "data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", 3],
  ["comments and blank lines", ":\n\n\n: x\n\ndata\n\n", 1],
];

for (const [name, text, events] of streams)
  test(`events end at a blank line: ${name}, cut at every byte`, () => {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const splitter = new EventSplitter();
      const blocks = [...splitter.push(bytes.subarray(0, cut)), ...splitter.push(bytes.subarray(cut))];
      const all = Buffer.concat([...blocks.map((block) => block.bytes), splitter.rest()]);
      assert.equal(all.toString(), text, `no byte is lost, cut at ${cut}`);
      assert.equal(blocks.filter(({ isEvent }) => isEvent).length, events, `cut at ${cut}`);
    }
  });

test("what is not complete stays until the end", () => {
  const splitter = new EventSplitter();
  assert.deepEqual(splitter.push(Buffer.from("data: a\n")), []);
  assert.equal(splitter.pendingBytes, 8);
  assert.equal(splitter.rest().toString(), "data: a\n");
});
