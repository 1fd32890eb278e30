// The calls of a rich link, without a link: what is written for them, and how each ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, emptyBody } from "../../../../src/core/body.ts";
import type { Exchange } from "../../../../src/core/exchange.ts";
import { frameTypes, maxWindowBytes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { Http2Head } from "../../../../src/proxy/lanes/http2/request-head.ts";
import { RichCalls } from "../../../../src/proxy/lanes/http2/rich-calls.ts";

function rig(room = 1_000) {
  const frames: Buffer[] = [];
  const failures: string[] = [];
  const calls = new RichCalls({
    room,
    frameBytes: 16_384,
    send: (bytes) => frames.push(bytes),
    write: (bytes) => frames.push(bytes),
  });
  const ask = (body = emptyBody) => {
    const head = new Http2Head([], 0);
    Object.assign(head, { method: "POST", authority: "shop.svc", path: "/" });
    const asked: Pick<Exchange, "head" | "body"> = { head, body }; // it looks at nothing else
    const events = {
      interim: () => undefined,
      reset: () => undefined,
      failed: (flag: string) => failures.push(flag),
    };
    const stream = calls.ask(asked as Exchange, null, 1_000, events);
    stream.reply.catch(() => undefined);
    return stream;
  };
  /** What was written since: type and stream of each frame. */
  const written = () =>
    frames.splice(0).map((bytes) => {
      const name = Object.entries(frameTypes).find(([, type]) => type === bytes[3])?.[0];
      return `${name} ${bytes.readUInt32BE(5)}`;
    });
  return { calls, ask, written, failures };
}

test("rich calls: each has the next odd id; what is above is idle", () => {
  const { calls, ask, written } = rig();
  ask();
  ask();
  assert.deepEqual(written(), ["headers 1", "headers 3"]);
  assert.deepEqual(
    [0, 1, 2, 3, 5].map((id) => calls.isIdle(id)),
    [true, false, true, false, true],
  );
});

test("rich calls: one that is abandoned is reset, once, and its place goes to whoever waits", async () => {
  const { calls, ask, written } = rig();
  const { reply } = ask();
  const place = calls.places.changes(new AbortController().signal);
  calls.abandon(reply);
  calls.abandon(reply);
  await place;
  assert.deepEqual(written(), ["headers 1", "reset 1"]);
  assert.equal(calls.open, 0);
});

test("rich calls: GOAWAY fails those that were never looked at, and no other", async () => {
  const { calls, ask, failures } = rig();
  const kept = ask();
  const disowned = ask();
  calls.disown(1);
  await assert.rejects(disowned.reply, { code: "body_cut" });
  assert.deepEqual(failures, ["UC"]);
  assert.equal(calls.get(1), kept);
});

test("rich calls: the end of the link fails all, the end that we make none", async () => {
  const broken = rig();
  const { reply } = broken.ask();
  broken.calls.endAll("UF", "refused");
  await assert.rejects(reply, { code: "connect_failed", message: /refused/ });
  assert.deepEqual(broken.failures, ["UF"]);
  const ended = rig();
  ended.ask();
  ended.calls.endAll(null, "over");
  assert.deepEqual([ended.failures, ended.calls.open], [[], 0]);
});

test("rich calls: credit goes out in steps, or all at once where more is wanted", () => {
  const { calls, ask, written } = rig();
  const stream = ask();
  written();
  stream.owedBytes = 100;
  calls.credit(stream, false);
  assert.deepEqual(written(), []);
  calls.credit(stream, true);
  assert.deepEqual(written(), ["windowUpdate 1"]);
  stream.owedBytes = 16_384;
  stream.full = true;
  calls.credit(stream, true);
  assert.deepEqual(written(), []);
  stream.full = false;
  calls.credit(stream, false);
  assert.deepEqual([written(), stream.owedBytes], [["windowUpdate 1"], 0]);
});

test("rich calls: SETTINGS move the windows of all, up to the largest that there may be", async () => {
  const { calls, ask, written } = rig(2_000);
  const stream = ask(bodyOf(Buffer.alloc(1_500)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(written(), ["headers 1", "data 1"]);
  assert.equal(calls.resizeWindows(500), true);
  calls.queue.pump();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(written(), ["data 1", "data 1"]);
  assert.equal(stream.out.windowBytes, 0);
  assert.equal(calls.resizeWindows(maxWindowBytes + 1), false);
});
