// Each fault on a call: delay, throttle, slice, corrupt, truncate, abort.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf } from "../../../src/core/body.ts";
import type { Terminal } from "../../../src/core/effect.ts";
import { UnderstudyError } from "../../../src/core/errors.ts";
import type { Body } from "../../../src/core/exchange.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { abortTerminal } from "../../../src/proxy/perform/abort.ts";
import { corruptEffect } from "../../../src/proxy/perform/corrupt.ts";
import { delayEffect } from "../../../src/proxy/perform/delay.ts";
import { patchEffect } from "../../../src/proxy/perform/patch.ts";
import { sliceEffect } from "../../../src/proxy/perform/slice.ts";
import { throttleEffect } from "../../../src/proxy/perform/throttle.ts";
import { truncateEffect } from "../../../src/proxy/perform/truncate.ts";
import { manualClock } from "../../support/manual-clock.ts";
import {
  answering,
  bytesOf,
  call,
  chunked,
  fixedDelay,
  messagePatch,
  response,
  responseOf,
  text,
  textOf,
} from "./calls.ts";
import { effectSuite, settled } from "./effect-suite.ts";

const kept = { fault: true, keepsBytes: true, keepsLength: true, waits: "between bytes" } as const;
effectSuite({
  ...kept,
  name: "delay",
  waits: "before the call",
  make: (deps) => delayEffect({ type: "uniform", minMs: 5, maxMs: 50 }, deps),
});
effectSuite({
  ...kept,
  name: "throttle",
  make: ({ clock }) => throttleEffect({ upBytesPerSecond: 500, downBytesPerSecond: 1000 }, clock),
});
effectSuite({ ...kept, name: "slice", make: ({ clock }) => sliceEffect({ bytes: 64, delayMs: 5 }, clock) });
effectSuite({
  ...kept,
  name: "corrupt",
  keepsBytes: false,
  make: ({ random }) => corruptEffect({ probability: 0.1, seed: null }, random),
});
effectSuite({
  ...kept,
  name: "truncate",
  keepsBytes: false,
  keepsLength: false,
  make: () => truncateEffect({ afterBytes: 100 }),
});
effectSuite({
  ...kept,
  name: "patch",
  fault: false,
  waits: "nowhere",
  make: () => patchEffect({ request: messagePatch({ setHeaders: [["x", "1"]] }), response: null }, 1000),
});

/** The chunks of a body with the time at which each came. */
async function timed(body: Body, now: () => number): Promise<{ at: number; size: number }[]> {
  const seen: { at: number; size: number }[] = [];
  for await (const chunk of body.chunks()) seen.push({ at: now(), size: chunk.length });
  return seen;
}

test("throttle: N bytes take N / rate seconds, in pieces of about 20 ms, and the length stays", async () => {
  const clock = manualClock();
  const effect = throttleEffect({ upBytesPerSecond: null, downBytesPerSecond: 10_000 }, clock);
  const reply = responseOf(await effect.apply(call(), answering(response("x".repeat(5_000)))));
  assert.equal(reply.body.lengthBytes, 5_000);
  const pieces = await settled(clock, timed(reply.body, clock.now));
  assert.ok(pieces.every(({ size }) => size === 200));
  assert.equal(Math.round(pieces.at(-1)?.at ?? 0), 500);
  assert.ok(pieces.every(({ at }, index) => Math.abs(at - (index + 1) * 20) < 0.001));
});

test("throttle: a rate below one piece goes byte by byte", async () => {
  const clock = manualClock();
  const effect = throttleEffect({ upBytesPerSecond: null, downBytesPerSecond: 10 }, clock);
  const reply = responseOf(await effect.apply(call(), answering(response("abc"))));
  const pieces = await settled(clock, timed(reply.body, clock.now));
  assert.deepEqual(
    pieces.map(({ at }) => Math.round(at)),
    [100, 200, 300],
  );
});

test("throttle: an idle line saves up no burst", async () => {
  const clock = manualClock();
  const effect = throttleEffect({ upBytesPerSecond: null, downBytesPerSecond: 1_000 }, clock);
  const pause = Promise.withResolvers<void>();
  const slow: Body = {
    ...chunked([]),
    async *chunks() {
      yield new Uint8Array(20);
      await pause.promise;
      yield new Uint8Array(1_000);
    },
  };
  const reply = responseOf(await effect.apply(call(), answering(response(slow))));
  const work = timed(reply.body, clock.now);
  await clock.advance(10_000);
  pause.resolve();
  const pieces = await settled(clock, work);
  const lastAt = pieces.at(-1)?.at ?? 0;
  assert.ok(lastAt >= 10_950 && lastAt <= 11_000, `${lastAt}`);
});

test("throttle: the request goes up at its own rate, and down stays free", async () => {
  const clock = manualClock();
  const effect = throttleEffect({ upBytesPerSecond: 1_000, downBytesPerSecond: null }, clock);
  const work = effect.apply(call({ body: bodyOf(new Uint8Array(500)) }), async ({ body }) => {
    assert.equal(body.lengthBytes, 500);
    return response(String((await bytesOf(body)).length));
  });
  const reply = responseOf(await settled(clock, work));
  assert.equal(Math.ceil(clock.now() / 10) * 10, 500);
  assert.equal(await textOf(reply.body), "500");
});

test("slice: pieces of at most so many bytes, so far apart", async () => {
  const clock = manualClock();
  const effect = sliceEffect({ bytes: 4, delayMs: 30 }, clock);
  const reply = responseOf(await effect.apply(call(), answering(response("abcdefghij"))));
  assert.equal(reply.body.lengthBytes, 10);
  const pieces = await settled(clock, timed(reply.body, clock.now));
  assert.deepEqual(pieces, [
    { at: 0, size: 4 },
    { at: 30, size: 4 },
    { at: 60, size: 2 },
  ]);
});

test("corrupt: hits so many bytes as the probability says, each with another value, never the original buffer", async () => {
  for (const probability of [0, 0.01, 0.5, 1]) {
    const sent = new Uint8Array(100_000).fill(7);
    const effect = corruptEffect({ probability, seed: null }, seededRandom(11));
    const body = chunked([sent.subarray(0, 33_333), sent.subarray(33_333)]);
    const got = await bytesOf(responseOf(await effect.apply(call(), answering(response(body)))).body);
    assert.equal(got.length, sent.length);
    assert.ok(sent.every((byte) => byte === 7));
    const hits = got.reduce((count, byte) => count + (byte === 7 ? 0 : 1), 0);
    const spread = 5 * Math.sqrt(sent.length * probability * (1 - probability));
    assert.ok(Math.abs(hits - sent.length * probability) <= spread, `${hits} hits at ${probability}`);
  }
});

test("corrupt: a seed hits every call at the same places", async () => {
  const effect = corruptEffect({ probability: 0.2, seed: 42 }, seededRandom(1));
  const once = async () =>
    bytesOf(responseOf(await effect.apply(call(), answering(response("x".repeat(500))))).body);
  const first = await once();
  assert.deepEqual(await once(), first);
  assert.notDeepEqual(first, text("x".repeat(500)));
});

test("truncate: cuts after so many bytes with body_cut, and the declared length stays", async () => {
  const effect = truncateEffect({ afterBytes: 5 });
  const reply = responseOf(await effect.apply(call(), answering(response("abcdefgh"))));
  assert.equal(reply.body.lengthBytes, 8);
  const parts: string[] = [];
  await assert.rejects(
    async () => {
      for await (const chunk of reply.body.chunks()) parts.push(Buffer.from(chunk).toString());
    },
    (thrown) =>
      thrown instanceof UnderstudyError && thrown.code === "body_cut" && /after 5 bytes/.test(thrown.message),
  );
  assert.deepEqual(parts, ["abcde"]);
});

test("truncate: a body that fits is untouched; 0 lets nothing through", async () => {
  for (const body of [
    () => response("abcde"),
    () => response(chunked([text("abc"), text("de")])),
    () => response("a"),
  ]) {
    const reply = responseOf(await truncateEffect({ afterBytes: 5 }).apply(call(), answering(body())));
    assert.match(await textOf(reply.body), /^a(?:bcde)?$/);
  }
  const nothing = responseOf(await truncateEffect({ afterBytes: 0 }).apply(call(), answering(response("a"))));
  await assert.rejects(nothing.body.read(10), /cut after 0 bytes/);
});

test("delay: waits before the call goes on, not after", async () => {
  const clock = manualClock();
  const effect = delayEffect(fixedDelay(250), { clock, random: seededRandom(1) });
  let calledAt = -1;
  const work = effect.apply(call(), async () => {
    calledAt = clock.now();
    return response("x");
  });
  await clock.advance(249);
  assert.equal(calledAt, -1);
  await clock.advance(1);
  await work;
  assert.equal(calledAt, 250);
});

test("abort: an HTTP status is a fixed reply in plain text that names the rule", async () => {
  const { answer, fixed, kind } = ending(
    abortTerminal({ kind: "httpStatus", status: 503 }, "down", patience()),
  );
  assert.equal(kind, "abort");
  const reply = responseOf(await answer(call()));
  assert.deepEqual([reply.status, reply.headers], [503, [["content-type", "text/plain; charset=utf-8"]]]);
  assert.match(await textOf(reply.body), /rule down .* 503/);
  assert.equal(await textOf(reply.body), Buffer.from(fixed?.body ?? []).toString());
  assert.equal(await textOf(responseOf(await answer(call({ method: "HEAD" }))).body), "");
  const empty = ending(abortTerminal({ kind: "httpStatus", status: 204 }, "down", patience()));
  assert.deepEqual([empty.fixed?.headers, empty.fixed?.body.length], [[], 0]);
});

test("abort: reset and close end the connection each in its way", async () => {
  for (const [kind, how] of [
    ["reset", "rst"],
    ["close", "fin"],
  ] as const) {
    const { answer, fixed } = ending(abortTerminal({ kind }, "down", patience()));
    assert.equal(fixed, null);
    assert.deepEqual(await answer(call()), { kind: "sever", how });
  }
});

test("abort: hang is silent until its time is over, the client leaves, or the rule ends", async () => {
  const clock = manualClock();
  const hanging = () => ending(abortTerminal({ kind: "hang" }, "down", { clock, hangMs: 1_000 }));
  const [client, rule] = [new AbortController(), new AbortController()];
  const patient = seen(hanging().answer(call()));
  const left = seen(hanging().answer(call({ signal: client.signal })));
  const ended = seen(hanging().answer({ ...call(), faultEnds: rule.signal }));
  await clock.advance(999);
  assert.deepEqual([patient(), left(), ended()], ["waiting", "waiting", "waiting"]);
  client.abort();
  rule.abort();
  await clock.advance(0);
  assert.deepEqual([patient(), left()], ["waiting", { kind: "sever", how: "fin" }]);
  assert.deepEqual(ended(), { kind: "sever", how: "rst" });
  await clock.advance(1);
  assert.deepEqual(patient(), { kind: "sever", how: "fin" });
});

/** What became of it so far. */
function seen<T>(work: Promise<T>): () => T | "waiting" {
  let state: T | "waiting" = "waiting";
  void work.then((value) => {
    state = value;
  });
  return () => state;
}

/** For aborts that do not wait. */
function patience() {
  return { clock: manualClock(), hangMs: 1 };
}

function ending(terminal: Terminal) {
  if (terminal.kind === "relay") throw new Error("an abort was expected");
  return terminal;
}
