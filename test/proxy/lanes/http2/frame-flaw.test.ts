// Frames that no peer may send, by their head alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { flawOfFrame } from "../../../../src/proxy/lanes/http2/frame-flaw.ts";
import { errorCodes, flags, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";

const { protocol, frameSize } = errorCodes;

/** Name of the type, flags, stream, length; the code of the flaw, null: none. */
const heads: readonly (readonly [keyof typeof frameTypes, number, number, number, number | null])[] = [
  ["windowUpdate", 0, 0, 4, null],
  ["windowUpdate", 0, 7, 4, null],
  ["windowUpdate", 0, 7, 3, frameSize],
  ["reset", 0, 7, 4, null],
  ["reset", 0, 7, 5, frameSize],
  ["settings", 0, 0, 12, null],
  ["settings", 0, 1, 12, protocol],
  ["settings", flags.ack, 0, 0, null],
  ["settings", flags.ack, 0, 6, frameSize],
  ["ping", 0, 0, 8, null],
  ["ping", 0, 3, 8, protocol],
  ["ping", 0, 0, 9, frameSize],
  ["goAway", 0, 0, 8, null],
  ["goAway", 0, 0, 30, null],
  ["goAway", 0, 1, 8, protocol],
  ["goAway", 0, 0, 7, frameSize],
  ["priority", 0, 1, 5, null],
  ["priority", 0, 0, 5, protocol],
  ["priority", 0, 1, 4, frameSize],
  ["data", 0, 0, 0, null],
  ["headers", 0, 0, 0, null],
];

for (const [name, bits, stream, length, code] of heads)
  test(`frame flaw: ${name} with flags ${bits} and ${length} bytes on stream ${stream}`, () => {
    const flaw = flawOfFrame({ type: frameTypes[name], flags: bits, stream, length, padding: 0 });
    assert.equal(flaw?.code ?? null, code);
  });

test("frame flaw: types that nobody knows have none", () => {
  assert.equal(flawOfFrame({ type: 0xfa, flags: 0xff, stream: 5, length: 99, padding: 0 }), null);
});
