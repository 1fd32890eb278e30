// What an upstream sends on a rich link, without a link: replies as they come, and the credit for their DATA.

import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyBody } from "../../../../src/core/body.ts";
import type { Exchange } from "../../../../src/core/exchange.ts";
import { defaultSettings } from "../../../../src/core/settings.ts";
import { Budget } from "../../../../src/proxy/lanes/http2/budget.ts";
import {
  errorCodes,
  flags,
  frame,
  frameTypes,
  settingsFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { Http2Head } from "../../../../src/proxy/lanes/http2/request-head.ts";
import { RichCalls } from "../../../../src/proxy/lanes/http2/rich-calls.ts";
import { RichFrames } from "../../../../src/proxy/lanes/http2/rich-frames.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { responseFrame } from "./raw-peer.ts";

function rig() {
  const written: string[] = [];
  const broken: number[] = [];
  const write = (bytes: Buffer) => {
    if (bytes[3] === frameTypes.windowUpdate)
      written.push(`credit ${bytes.readUInt32BE(9)} on ${bytes.readUInt32BE(5)}`);
  };
  const calls = new RichCalls({ room: 0, frameBytes: 16_384, send: write, write });
  const frames = new RichFrames({
    calls,
    limits: defaultSettings.limits,
    chatter: new Budget(10, 1, manualClock()),
    write,
    settings: () => undefined,
    windowGrows: () => true,
    goesAway: () => undefined,
    broke: (code) => broken.push(code),
  });
  const asked: Pick<Exchange, "head" | "body"> = { head: new Http2Head([], 0), body: emptyBody };
  const events = { interim: () => undefined, reset: () => undefined, failed: () => undefined };
  const stream = calls.ask(asked as Exchange, null, 1_000, events); // it looks at nothing else
  frames.feed(settingsFrame([]));
  return { calls, frames, stream, written, broken };
}

const data = (bytes: number, bits = 0) => frame(frameTypes.data, bits, 1, Buffer.alloc(bytes, "x"));

test("rich frames: DATA is credited to the connection at once, to its stream in steps, while it is read", async () => {
  const { calls, frames, stream, written } = rig();
  frames.feed(responseFrame(1));
  frames.feed(Buffer.concat([data(5_000), data(5_000)]));
  assert.deepEqual(written.splice(0), ["credit 10000 on 0"]);
  frames.feed(data(7_000));
  assert.deepEqual(written.splice(0), ["credit 17000 on 1", "credit 7000 on 0"]);
  frames.feed(data(1, flags.endStream));
  const reply = await stream.reply;
  assert.ok(reply.kind === "response");
  let bytes = 0;
  for await (const chunk of reply.body.chunks()) bytes += chunk.length;
  assert.equal(bytes, 17_001);
  assert.equal(calls.open, 0);
});

test("rich frames: a stream that nobody reads gets no credit, and may not send more than its window", () => {
  const { frames, written, broken } = rig();
  frames.feed(responseFrame(1));
  for (let sent = 0; sent < 131_072; sent += 16_384) frames.feed(data(16_384));
  assert.deepEqual(
    written.filter((text) => text.endsWith("on 1")),
    ["credit 16384 on 1", "credit 16384 on 1", "credit 16384 on 1"],
  );
  assert.deepEqual(broken, [errorCodes.flowControl]);
});

test("rich frames: header blocks in several frames are one, and nothing may come between", async () => {
  const { frames, stream, broken } = rig();
  const whole = responseFrame(1);
  const block = whole.subarray(9);
  frames.feed(frame(frameTypes.headers, flags.endStream, 1, block.subarray(0, 1)));
  frames.feed(frame(frameTypes.continuation, flags.endHeaders, 1, block.subarray(1)));
  const reply = await stream.reply;
  assert.ok(reply.kind === "response");
  assert.equal(reply.status, 200);
  frames.feed(frame(frameTypes.headers, 0, 1, block));
  frames.feed(data(1));
  assert.deepEqual(broken, [errorCodes.protocol]);
});
