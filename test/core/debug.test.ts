// Debug lines: on per area, free and silent otherwise.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDebug, noDebug, unknownDebugAreas } from "../../src/core/debug.ts";
import { manualClock } from "../support/manual-clock.ts";

function linesOf(areas: string | undefined, use: (debug: ReturnType<typeof createDebug>) => void): string[] {
  const lines: string[] = [];
  use(createDebug(areas, { write: (text) => lines.push(text) }, manualClock()));
  return lines;
}

test("debug: an area that was named writes lines, others do not even make their text", () => {
  const lines = linesOf("accept, HTTP1", (debug) => {
    debug("accept")(() => "one");
    debug("http1")(() => "two");
    debug("relay")(() => assert.fail("made a text that nobody reads"));
  });
  assert.deepEqual(lines, ["0.000 ACCEPT one\n", "0.000 HTTP1 two\n"]);
});

test("debug: a star covers all, or all that begin alike", () => {
  assert.equal(linesOf("*", (debug) => debug("relay")(() => "x")).length, 1);
  assert.equal(linesOf("http*", (debug) => debug("http2")(() => "x")).length, 1);
  assert.equal(linesOf("http*", (debug) => debug("relay")(() => "x")).length, 0);
});

test("debug: without a value every area shares one line that does nothing", () => {
  assert.equal(createDebug(undefined, { write: assert.fail }, manualClock()), noDebug);
  assert.equal(createDebug(" , ", { write: assert.fail }, manualClock()), noDebug);
  noDebug("any")(() => assert.fail("made a text that nobody reads"));
});

test("debug: a text or sink that throws harms nobody", () => {
  const debug = createDebug("*", { write: assert.fail }, manualClock());
  debug("a")(() => "x");
  debug("a")(() => {
    throw new Error("broken");
  });
});

test("debug: names that mean no area are told apart", () => {
  assert.deepEqual(unknownDebugAreas("accept, HTTP*, *, htp1, x*"), ["htp1", "x*"]);
});
