// From a rule to what it does: which effects, in which order, around which terminal.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Handler } from "../../../src/core/exchange.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { FaultSpec, PatchSpec, RespondSpec } from "../../../src/core/rule.ts";
import { formatRulePath, RuleProblem } from "../../../src/core/rule-problem.ts";
import { createPlanner } from "../../../src/proxy/perform/plan.ts";
import { ruleOf } from "../../control/rules/written.ts";
import { lineDialect } from "../../support/line-dialect.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { call, fault, fixedDelay, messagePatch, replySpec, response, responseOf, rule } from "./calls.ts";
import { settled } from "./effect-suite.ts";

const clock = manualClock();
const plan = createPlanner({ clock, random: seededRandom(1), maxBodyBytes: 1_000, hangMs: 1_000 });

const everyFault: FaultSpec = fault({
  delay: fixedDelay(5),
  throttle: { upBytesPerSecond: null, downBytesPerSecond: 1_000 },
  slice: { bytes: 2, delayMs: 1 },
  corrupt: { probability: 1, seed: 1 },
  truncate: { afterBytes: 7 },
});
const patch: PatchSpec = {
  request: null,
  response: { ...messagePatch({ body: "0123456789" }), status: null },
};
const respond: RespondSpec = { kind: "reply", reply: replySpec({ body: { kind: "text", text: "mocked" } }) };

test("plan: a rule that names nothing relays, without any effect", () => {
  assert.deepEqual(plan(rule({})), { effects: [], terminal: { kind: "relay" } });
  assert.deepEqual(plan(rule({ fault: fault({}) })).effects, []);
});

test("plan: the effects stand in the order of the fold, faults marked", () => {
  const { effects, terminal } = plan(rule({ fault: everyFault, patch }));
  assert.deepEqual(
    effects.map(({ kind, fault }) => [kind, fault]),
    [
      ["delay", true],
      ["throttle", true],
      ["slice", true],
      ["corrupt", true],
      ["truncate", true],
      ["patch", false],
    ],
  );
  assert.equal(terminal.kind, "relay");
});

test("plan: folded together, they patch, cut, corrupt, slice and pace one reply", async () => {
  const { effects } = plan(rule({ fault: everyFault, patch }));
  const terminal: Handler = async () => response("from upstream");
  const handler = effects.reduceRight<Handler>(
    (next, effect) => (made) => effect.apply(made, next),
    terminal,
  );
  const got: Buffer[] = [];
  const work = (async () => {
    const reply = responseOf(await handler(call()));
    for await (const chunk of reply.body.chunks()) got.push(Buffer.from(chunk));
  })();
  await assert.rejects(settled(clock, work), /cut after 7 bytes/);
  const bytes = Buffer.concat(got);
  assert.equal(bytes.length, 7);
  assert.ok(bytes.every((byte, index) => byte !== "0123456".charCodeAt(index)));
  assert.equal(clock.pending(), 0);
});

test("plan: a mock keeps its faults; an abort is the terminal and leaves no room for others", () => {
  const mocked = plan(rule({ respond, fault: fault({ delay: fixedDelay(1) }) }));
  assert.deepEqual([mocked.terminal.kind, mocked.effects.length], ["mock", 1]);
  const abort = { kind: "reset" } as const;
  const aborted = plan(rule({ fault: fault({ abort, delay: fixedDelay(1) }) }));
  assert.deepEqual([aborted.terminal.kind, aborted.effects.map(({ kind }) => kind)], ["abort", ["delay"]]);
  for (const [key, part] of [
    ["respond", { respond }],
    ["patch", { patch }],
  ] as const) {
    assert.throws(
      () => plan(rule({ fault: fault({ abort }), ...part })),
      (thrown) => thrown instanceof RuleProblem && formatRulePath(thrown.path) === key,
    );
  }
});

test("plan: faults of bodies are refused in a rule about WebSockets alone, and taken where other calls match", () => {
  const { matches } = ruleOf("matches: [{websocket: {path: /chat}}, {path: /chat}]", "fault: {delay: 1s}");
  const socketOnly = matches.slice(0, 1);
  for (const [key, value] of Object.entries(everyFault)) {
    if (value === null) continue;
    const spec = { fault: fault({ [key]: value }) };
    assert.doesNotThrow(() => plan(rule({ ...spec, matches })), key);
    if (key === "delay" || key === "abort")
      assert.doesNotThrow(() => plan(rule({ ...spec, matches: socketOnly })));
    else
      assert.throws(
        () => plan(rule({ ...spec, matches: socketOnly })),
        (thrown) => thrown instanceof RuleProblem && formatRulePath(thrown.path) === `fault.${key}`,
      );
  }
});

test("plan: what it gives cannot be changed", () => {
  const made = plan(rule({ fault: everyFault, patch }));
  assert.ok(Object.isFrozen(made) && Object.isFrozen(made.effects));
});

test("plan: a dialect's effects stand inside those of HTTP, its terminal instead of relaying, never beside one", () => {
  const spoken = createPlanner({
    clock,
    random: seededRandom(1),
    maxBodyBytes: 1_000,
    hangMs: 1_000,
    dialects: [lineDialect],
  });
  const marked = spoken(rule({ name: "mark", fault: everyFault, patch }));
  assert.equal(marked.effects.at(-1)?.kind, "mark");
  assert.equal(marked.terminal.kind, "relay");
  assert.equal(spoken(rule({ name: "shout" })).terminal.kind, "mock");
  for (const [given, place] of [
    [{ respond }, "respond"],
    [{ fault: fault({ abort: { kind: "close" } }) }, "fault.abort"],
  ] as const) {
    assert.throws(
      () => spoken(rule({ name: "shout", ...given })),
      (thrown) => thrown instanceof RuleProblem && formatRulePath(thrown.path) === place,
    );
  }
});
