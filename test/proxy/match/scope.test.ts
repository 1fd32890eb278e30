// Who is touched: shares of calls, sticky draws, lifetime, state, baggage, calls at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hashText, seededRandom } from "../../../src/core/random.ts";
import type { DecideBy, ScopeSpec, StateSpec } from "../../../src/core/rule.ts";
import { traceIdOf } from "../../../src/proxy/match/trace-id.ts";
import { noFault, replyWith } from "../../support/rule-spec.ts";
import { compiled, decided, headOf, outbound, rollOf, ruleOf } from "./described.ts";

const call = { authority: "a", path: "/" } as const;
const withHeaders = (...headers: (readonly [string, string])[]) => ({ ...call, headers });

/** How many of `calls` are claimed; each is told its number. */
function claimedOf(calls: number, claims: (i: number) => boolean): number {
  let claimed = 0;
  for (let i = 0; i < calls; i++) if (claims(i)) claimed++;
  return claimed;
}

/** Within five standard deviations of a binomial draw: a fair one fails once in two million. */
function assertShare(claimed: number, calls: number, share: number): void {
  const tolerance = 5 * Math.sqrt(calls * share * (1 - share));
  assert.ok(Math.abs(claimed - calls * share) <= tolerance, `${claimed} of ${calls} at ${share}`);
}

test("percentage: the share of calls is the one written, 0 is none and 100 is all", () => {
  const calls = 20_000;
  for (const percentage of [0, 0.5, 1, 10, 50, 99.5, 100]) {
    const rules = compiled([ruleOf("it", [], { percentage })]);
    const random = seededRandom(5);
    const claimed = claimedOf(
      calls,
      () => decided(rules, call, outbound, rollOf({ seed: random.uint32() })) === "it",
    );
    if (percentage % 100 === 0) assert.equal(claimed, (calls * percentage) / 100);
    else assertShare(claimed, calls, percentage / 100);
  }
  // The ends of the range of draws too.
  for (const seed of [0, 0xffffffff]) {
    assert.equal(
      decided(compiled([ruleOf("it", [], { percentage: 0 })]), call, outbound, rollOf({ seed })),
      null,
    );
  }
});

test("percentage: draws of different rules for one call are independent", () => {
  const rules = compiled([
    ruleOf("first", [], { percentage: 50 }),
    ruleOf("second", [], { percentage: 50 }),
    ruleOf("third", [], { percentage: 50 }),
  ]);
  const random = seededRandom(9);
  const counts = new Map<string | null, number>();
  const calls = 20_000;
  for (let i = 0; i < calls; i++) {
    const name = decided(rules, call, outbound, rollOf({ seed: random.uint32() }));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, share] of [
    ["first", 0.5],
    ["second", 0.25],
    ["third", 0.125],
    [null, 0.125],
  ] as const) {
    assertShare(counts.get(name) ?? 0, calls, share);
  }
});

/** Of calls that differ by their seed alone, whether all fare alike. */
function sticky(
  scope: Partial<ScopeSpec>,
  request: Parameters<typeof decided>[1],
  id: string,
): boolean | null {
  const rules = compiled([ruleOf("it", [], scope)]);
  const random = seededRandom(3);
  const claimed = claimedOf(
    40,
    () => decided(rules, request, { ...outbound, id }, rollOf({ seed: random.uint32() })) === "it",
  );
  return claimed === 0 ? false : claimed === 40 ? true : null;
}

test("decideBy: calls of one connection, trace or header value fare alike, and values are drawn at the share", () => {
  const trace = (i: number) => hashText(`t${i}`).toString(16).padStart(32, "7");
  const by: readonly (readonly [DecideBy, (i: number) => readonly [string, string]])[] = [
    [{ by: "connection" }, () => ["x", "y"]],
    [{ by: "trace" }, (i) => ["traceparent", `00-${trace(i)}-00f067aa0ba902b7-01`]],
    [{ by: "header", name: "X-User" }, (i) => ["x-user", `user-${i}`]],
  ];
  for (const [decideBy, header] of by) {
    const scope = { percentage: 30, decideBy };
    const verdicts = Array.from({ length: 600 }, (_, i) => sticky(scope, withHeaders(header(i)), `c${i}`));
    assert.ok(
      verdicts.every((verdict) => verdict !== null),
      decideBy.by,
    );
    assertShare(verdicts.filter((verdict) => verdict === true).length, 600, 0.3);
  }
  assert.equal(sticky({ percentage: 50, decideBy: { by: "request" } }, call, "c1"), null);
});

test("decideBy: a call without the header or trace is drawn by itself", () => {
  for (const decideBy of [{ by: "trace" }, { by: "header", name: "x-user" }] as const) {
    assert.equal(sticky({ percentage: 50, decideBy }, call, "c1"), null);
  }
});

test("decideBy header: the verdict is a function of the rule's name and the value, in every sidecar", () => {
  const rules = compiled([ruleOf("pay", [], { percentage: 50, decideBy: { by: "header", name: "x-user" } })]);
  const verdicts = ["alice", "bob", "carol", "dave", "erin", "frank"].map((user) =>
    Number(decided(rules, withHeaders(["x-user", user])) === "pay"),
  );
  // Written down: a change of the hash would split sidecars of two versions.
  assert.deepEqual(verdicts, [1, 1, 0, 1, 0, 1]);
});

test("the id of a trace is the same in every notation", () => {
  const id = "0af7651916cd43dd8448eb211c80319c";
  const short = "8448eb211c80319c";
  const rows: readonly (readonly [readonly (readonly [string, string])[], string | undefined])[] = [
    [[["traceparent", `00-${id}-b7ad6b7169203331-01`]], id],
    [[["traceparent", `cc-${id}-b7ad6b7169203331-01-more`]], id],
    [[["b3", `${id.toUpperCase()}-b7ad6b7169203331-1`]], id],
    [[["X-B3-TraceId", short]], short.padStart(32, "0")],
    [[["b3", `${short}-b7ad6b7169203331`]], short.padStart(32, "0")],
    [
      [
        ["traceparent", `00-${"0".repeat(32)}-b7ad6b7169203331-01`],
        ["x-b3-traceid", id],
      ],
      id,
    ],
    [[["traceparent", `00-${id}`]], undefined],
    [[["b3", "0"]], undefined],
    [[], undefined],
  ];
  for (const [headers, expected] of rows) assert.equal(traceIdOf(headOf(withHeaders(...headers))), expected);
});

test("expiresAt: dead from that moment on", () => {
  const rules = compiled([ruleOf("it", [], { expiresAtMs: 1_000 })]);
  const at = (nowMs: number) => decided(rules, call, outbound, rollOf({ nowMs }));
  assert.deepEqual([at(999), at(1_000), at(1_001)], ["it", null, null]);
});

test("ttl: over by the clock that nobody sets back, or by the time of day, whichever comes first", () => {
  const rules = compiled([ruleOf("it", [], { ttlMs: 500, expiresAtMs: 1_000, lapsesAtMs: 700 })]);
  const at = (nowMs: number, steadyMs: number) => decided(rules, call, outbound, rollOf({ nowMs, steadyMs }));
  assert.deepEqual([at(999, 699), at(100, 700), at(1_000, 300)], ["it", null, null]);
});

test("maxActive: claims only while fewer calls are in flight, then the next rule has its turn", () => {
  const rules = compiled([ruleOf("it", [], { maxActive: 2 }), ruleOf("next", [])]);
  const at = (active: number) =>
    decided(rules, call, outbound, rollOf({ activeCalls: (rule) => (rule === "it" ? active : 9) }));
  assert.deepEqual([at(1), at(2)], ["it", "next"]);
});

test("faults stopped: a rule that is nothing but a fault leaves its calls, and TLS, to the others", () => {
  const fault = { ...noFault, abort: { kind: "reset" as const } };
  const respond = replyWith("hi");
  const rules = compiled([
    { ...ruleOf("harm", []), fault, respond: null },
    { ...ruleOf("both", []), fault: { ...noFault, delay: null }, respond },
  ]);
  const at = (faultsHalted: boolean) => decided(rules, call, outbound, rollOf({ faultsHalted }));
  assert.deepEqual([at(false), at(true), at(false)], ["harm", "both", "harm"]);
  const harm = compiled([
    { ...ruleOf("harm", [{ host: { op: "exact", value: "a" } }]), fault, respond: null },
  ]);
  const concerns = (faultsHalted: boolean) => harm.concernsTls("a", outbound, rollOf({ faultsHalted }));
  assert.deepEqual([concerns(false), concerns(true)], [true, false]);
});

test("baggage and headers of the scope must all be there", () => {
  const exact = (name: string, value: string) => ({ name, match: { op: "exact", value } as const });
  const rules = compiled([
    ruleOf("it", [], { baggage: [exact("understudy", "al ice")], headers: [exact("x-t", "1")] }),
  ]);
  const with_ = (baggage: string) => decided(rules, withHeaders(["baggage", baggage], ["x-t", "1"]));
  assert.equal(with_("a=b, understudy = al%20ice ;ttl=1"), "it");
  assert.equal(with_("understudy=bob"), null);
  assert.equal(
    decided(rules, withHeaders(["baggage", "a=b"], ["baggage", "understudy=al%20ice"], ["x-t", "1"])),
    "it",
  );
  assert.equal(decided(rules, withHeaders(["baggage", "understudy=al%20ice"])), null);
});

test("state: claims only while the state of the call's key is the one written", () => {
  const state: StateSpec = {
    name: "cart",
    key: { from: "header", name: "X-User" },
    is: "paid",
    becomes: null,
  };
  const rules = compiled([
    ruleOf("it", [], {}, { state }),
    ruleOf("first", [], {}, { state: { ...state, is: "initial" } }),
  ]);
  const stateOf = (name: string, key: string) => (`${name}/${key}` === "cart/alice" ? "paid" : undefined);
  const as = (user: string) => decided(rules, withHeaders(["x-user", user]), outbound, rollOf({ stateOf }));
  assert.deepEqual([as("alice"), as("bob")], ["it", "first"]);
  const any = compiled([ruleOf("any", [], {}, { state: { ...state, is: null } })]);
  assert.equal(decided(any, call), "any");
});
