// Text for a reader who may not read: nobody waits, a bounded amount is kept, and what is dropped is counted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedSink, lostAsJson } from "../../src/commands/bounded-sink.ts";
import { manualClock } from "../support/manual-clock.ts";

/** A reader with so many bytes of room. */
function reader(room: number) {
  const seen = { text: "", room, gone: false };
  const write = (bytes: Uint8Array) => {
    if (seen.gone) throw new Error("EPIPE");
    const taken = Math.min(seen.room, bytes.length);
    seen.room -= taken;
    seen.text += Buffer.from(bytes.subarray(0, taken)).toString("latin1");
    return taken;
  };
  return { seen, write };
}

const line = `${"x".repeat(1_023)}\n`;
const lines = (count: number) => Array.from({ length: count }, () => line);

test("bounded sink: what goes at once is written at once, whole", () => {
  const { seen, write } = reader(1e9);
  const sink = new BoundedSink({ write }, false, manualClock());
  sink.write("one\n");
  sink.write("");
  sink.write("two\n");
  assert.equal(seen.text, "one\ntwo\n");
});

test("bounded sink: a slow reader gets everything later, in order", async () => {
  const clock = manualClock();
  const { seen, write } = reader(3);
  const sink = new BoundedSink({ write }, false, clock);
  for (const text of ["one\n", "two\n", "three\n"]) sink.write(text);
  assert.equal(seen.text, "one");
  seen.room = 1e9;
  await clock.advance(20);
  assert.equal(seen.text, "one\ntwo\nthree\n");
  assert.equal(clock.pending(), 0);
});

test("bounded sink: a reader that stalls costs a bounded amount, and is told what it has missed", async () => {
  const clock = manualClock();
  const { seen, write } = reader(0);
  const sink = new BoundedSink({ write }, false, clock);
  for (const text of lines(5_000)) sink.write(text);
  await clock.advance(1_000);
  assert.equal(seen.text, "");
  seen.room = 1e9;
  await clock.advance(20);
  const shown = seen.text.split("\n").length - 2;
  assert.equal(shown, 1_024);
  assert.ok(seen.text.endsWith(`understudy: ${5_000 - shown} lines not shown: nobody read them in time\n`));
  sink.write("after\n");
  assert.ok(seen.text.endsWith("in time\nafter\n"));
});

test("bounded sink: a reader that takes a little now and then is not told after every line", async () => {
  const clock = manualClock();
  const { seen, write } = reader(0);
  const sink = new BoundedSink({ write }, false, clock);
  for (const text of lines(2_000)) sink.write(text);
  for (let round = 0; round < 900; round++) {
    seen.room = line.length;
    await clock.advance(20);
    sink.write(line);
  }
  seen.room = 1e9;
  await clock.advance(20);
  assert.ok((seen.text.match(/not shown/g)?.length ?? 0) <= 2);
});

test("bounded sink: a log of JSON stays one", async () => {
  const clock = manualClock();
  const { seen, write } = reader(0);
  const sink = new BoundedSink({ write }, false, clock);
  for (const text of lines(1_025)) sink.write(text, lostAsJson(clock));
  seen.room = 1e9;
  await clock.advance(20);
  const last: unknown = JSON.parse(seen.text.split("\n").at(-2) ?? "");
  assert.equal(Object(last).dropped, 1);
});

test("bounded sink: a reader that has gone is no error, and nothing is kept for it", async () => {
  const clock = manualClock();
  const { seen, write } = reader(0);
  const sink = new BoundedSink({ write }, false, clock);
  sink.write("one\n");
  seen.gone = true;
  await clock.advance(20);
  sink.write("two\n");
  assert.equal(clock.pending(), 0);
  await sink.drained(1_000);
});

test("bounded sink: the end waits for a reader that reads, and not for one that does not", async () => {
  const clock = manualClock();
  const { seen, write } = reader(0);
  const sink = new BoundedSink({ write }, false, clock);
  for (const text of lines(3)) sink.write(text);
  let ended = false;
  const end = sink.drained(1_000).then(() => {
    ended = true;
  });
  await clock.advance(900);
  seen.room = line.length;
  await clock.advance(900);
  assert.equal(ended, false);
  await clock.advance(200);
  await end;
  assert.equal(seen.text, line);
});
