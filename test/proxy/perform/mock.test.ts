// The terminal of `respond`: what a mock sends, when, and what a lane may encode once.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { seededRandom } from "../../../src/core/random.ts";
import type { RespondSpec } from "../../../src/core/rule.ts";
import { formatRulePath, RuleProblem } from "../../../src/core/rule-problem.ts";
import { createPlanner } from "../../../src/proxy/perform/plan.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { bytesOf, call, fixedDelay, replySpec, responseOf, rule, text, textOf } from "./calls.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-mock-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function planMock(respond: RespondSpec, clock = manualClock(), seed = 1) {
  const plan = createPlanner({ clock, random: seededRandom(seed), maxBodyBytes: 1000, hangMs: 1_000 });
  const { terminal } = plan(rule({ respond }));
  if (terminal.kind !== "mock") throw new Error("a mock was expected");
  return terminal;
}

const one = (parts: Parameters<typeof replySpec>[0]): RespondSpec => ({
  kind: "reply",
  reply: replySpec(parts),
});

function problemOf(respond: RespondSpec): string {
  try {
    planMock(respond);
  } catch (thrown) {
    assert.ok(thrown instanceof RuleProblem, String(thrown));
    return `${formatRulePath(thrown.path)}: ${thrown.message}`;
  }
  throw new Error("a problem was expected");
}

test("mock: sends each kind of body under its media type, the same in `fixed`", async () => {
  const page = join(folder, "page.html");
  writeFileSync(page, "<p>hi</p>");
  const rows = [
    [one({ body: { kind: "none" } }), "", undefined],
    [one({ body: { kind: "text", text: "grüße" } }), "grüße", "text/plain; charset=utf-8"],
    [one({ body: { kind: "json", value: { a: [1, null] } } }), '{"a":[1,null]}', "application/json"],
    [one({ body: { kind: "base64", bytes: text("raw") } }), "raw", "application/octet-stream"],
    [one({ body: { kind: "file", path: page } }), "<p>hi</p>", "text/html; charset=utf-8"],
    [one({ headers: [["Content-Type", "a/b"]], body: { kind: "text", text: "x" } }), "x", "a/b"],
  ] as const;
  for (const [spec, body, type] of rows) {
    const { answer, fixed } = planMock(spec);
    const reply = responseOf(await answer(call()));
    assert.equal(await textOf(reply.body), body);
    assert.equal(reply.body.lengthBytes, Buffer.byteLength(body));
    assert.equal(reply.headers.find(([name]) => name.toLowerCase() === "content-type")?.[1], type);
    assert.deepEqual(fixed?.headers, reply.headers);
    assert.equal(Buffer.from(fixed?.body ?? []).toString(), body);
    assert.deepEqual([fixed?.status, fixed?.reason], [reply.status, reply.reason]);
  }
});

test("mock: a file is read when the rules are loaded, and never again", async () => {
  const path = join(folder, "once.json");
  writeFileSync(path, "[1]");
  const { answer } = planMock(one({ body: { kind: "file", path } }));
  writeFileSync(path, "[2]");
  assert.equal(await textOf(responseOf(await answer(call())).body), "[1]");
});

test("mock: HEAD gets the length but no body; 204 and 304 get neither", async () => {
  const head = responseOf(
    await planMock(one({ body: { kind: "text", text: "four" } })).answer(call({ method: "HEAD" })),
  );
  assert.equal((await bytesOf(head.body)).length, 0);
  assert.deepEqual(head.headers, [
    ["content-type", "text/plain; charset=utf-8"],
    ["content-length", "4"],
  ]);
  const bare = planMock(one({ status: 204, body: { kind: "text", text: "" } }));
  assert.deepEqual([bare.fixed?.headers, bare.fixed?.body.length], [[], 0]);
  for (const status of [204, 304]) {
    const reply = responseOf(await planMock(one({ status, headers: [["etag", '"1"']] })).answer(call()));
    assert.deepEqual([reply.headers, await textOf(reply.body)], [[["etag", '"1"']], ""]);
  }
});

test("mock: trailers are announced, and the body has no declared length", async () => {
  const { answer, fixed } = planMock(one({ body: { kind: "text", text: "x" }, trailers: [["x-sum", "1"]] }));
  assert.equal(fixed, null);
  const { headers, body } = responseOf(await answer(call()));
  assert.equal(body.lengthBytes, null);
  assert.deepEqual(headers.at(-1), ["trailer", "x-sum"]);
  assert.equal(await textOf(body), "x");
  assert.deepEqual(body.trailers(), [["x-sum", "1"]]);
});

test("mock: a delayed reply waits, and ends when the client leaves", async () => {
  const clock = manualClock();
  const { answer, fixed } = planMock(
    one({ delay: fixedDelay(100), body: { kind: "text", text: "x" } }),
    clock,
  );
  assert.equal(fixed, null);
  let done = false;
  const waiting = answer(call()).then(() => {
    done = true;
  });
  await clock.advance(99);
  assert.equal(done, false);
  await clock.advance(1);
  await waiting;

  const leaving = new AbortController();
  const left = answer(call({ signal: leaving.signal }));
  leaving.abort(new Error("client left"));
  await assert.rejects(left, /client left/);
  assert.equal(clock.pending(), 0);
});

test("mock: a cycle takes its turns in order, also when calls overlap", async () => {
  const clock = manualClock();
  const replies = [
    replySpec({ status: 500, delay: fixedDelay(50) }),
    replySpec({ status: 503 }),
    replySpec({ status: 200 }),
  ];
  const { answer, fixed } = planMock({ kind: "cycle", replies }, clock);
  assert.equal(fixed, null);
  const calls = Array.from({ length: 4 }, () => answer(call()));
  await clock.advance(50);
  const statuses = (await Promise.all(calls)).map((reply) => responseOf(reply).status);
  assert.deepEqual(statuses, [500, 503, 200, 500]);
});

test("mock: random replies come as often as their weights say", async () => {
  const choices = [
    { weight: 7, reply: replySpec({ status: 200 }) },
    { weight: 0, reply: replySpec({ status: 404 }) },
    { weight: 3, reply: replySpec({ status: 500 }) },
  ];
  const { answer } = planMock({ kind: "random", choices }, manualClock(), 7);
  const counts: Record<number, number> = { 200: 0, 404: 0, 500: 0 };
  for (let i = 0; i < 10_000; i++) {
    const { status } = responseOf(await answer(call()));
    counts[status] = (counts[status] ?? 0) + 1;
  }
  assert.equal(counts[404], 0);
  assert.ok(Math.abs((counts[500] ?? 0) - 3000) < 200, `${counts[500]} of 10000`); // 4.4 standard deviations
});

test("mock: what could never be sent is refused with its place", () => {
  const missing = join(folder, "missing.json");
  const large = join(folder, "large.bin");
  writeFileSync(large, "");
  const rows: readonly (readonly [RespondSpec, RegExp])[] = [
    [
      one({ body: { kind: "file", path: missing } }),
      /^respond\.file: expected a file that can be read, got .*ENOENT/,
    ],
    [one({ body: { kind: "file", path: folder } }), /^respond\.file: expected a file, got .*none/],
    [one({ status: 204, body: { kind: "json", value: 1 } }), /^respond\.json: expected none, .* 204/],
    [one({ status: 101 }), /^respond\.status: expected a final status/],
    [
      one({ headers: [["content-length", "3"]] }),
      /^respond\.headers\.content-length: expected no framing field/,
    ],
    [
      one({ headers: [["bad name", "3"]] }),
      /^respond\.headers: expected the name of a field, got "bad name"/,
    ],
    [
      one({ trailers: [["x", "a\r\nb"]] }),
      /^respond\.trailers\.x: expected Latin-1 characters without control/,
    ],
    [{ kind: "cycle", replies: [] }, /^respond\.cycle: expected at least one reply/],
    [
      { kind: "cycle", replies: [replySpec({}), replySpec({ headers: [["a b", ""]] })] },
      /^respond\.cycle\[1\]\.headers/,
    ],
    [
      { kind: "random", choices: [{ weight: 1, reply: replySpec({ status: 100 }) }] },
      /^respond\.random\[0\]\.status/,
    ],
  ];
  for (const [spec, expected] of rows) assert.match(problemOf(spec), expected);
});
