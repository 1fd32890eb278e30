// Random conversations over HTTP/1: pipelined or not, in pieces, with every framing, interim replies, early replies, half-closed
// ends, cuts and resets. Each is played directly and with the rig between; both ends must see the same bytes and the same
// end. Under a rule that only delays, messages may be framed anew, and must mean the same.
//
//   UNDERSTUDY_FUZZ_SEEDS=500 UNDERSTUDY_FUZZ_FROM=1000 node --test test/fuzz/http1-conversations.test.ts
//
// A failure names the seed, which lays down all that is said; what the machine cuts into other reads is its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../src/core/rule.ts";
import { noFault, replyWith } from "../support/rule-spec.ts";
import { play } from "./http1/conversation.ts";
import { differencesInBytes, differencesInMeaning } from "./http1/differences.ts";
import { type Plan, planOf } from "./http1/plan.ts";

const seeds = Number(process.env.UNDERSTUDY_FUZZ_SEEDS ?? 50);
const from = Number(process.env.UNDERSTUDY_FUZZ_FROM ?? 1);

const others: Partial<RuleSpec>[] = [
  { name: "elsewhere", matches: [{ path: { op: "exact", value: "/nobody" } }], respond: replyWith("x") },
  { name: "by body", matches: [{ body: { op: "contains", value: "IN NO BODY" } }], respond: replyWith("x") },
];
const delayed: Partial<RuleSpec>[] = [
  { name: "delayed", fault: { ...noFault, delay: { type: "fixed", ms: 1 } } },
];

for (const [name, rules] of [
  ["without rules", []],
  ["beside rules for other calls", others],
] as const) {
  test(`HTTP/1 conversations: both ends see the bytes of a direct connection, ${name}`, async () => {
    for (let seed = from; seed < from + seeds; seed++) {
      const plan = planOf(seed);
      const direct = await play(plan, null);
      assert.deepEqual(differencesInBytes(direct, await play(plan, rules), plan), [], `seed ${seed}`);
    }
  });
}

const sliced: Partial<RuleSpec>[] = [
  { name: "sliced", fault: { ...noFault, slice: { bytes: 3_000, delayMs: 0 } } },
];

for (const [name, rules, otherRules] of [
  ["under a rule that only delays", delayed, undefined],
  ["under such a rule that comes and goes", delayed, others],
  ["under a rule that slices replies", sliced, undefined],
  ["under rules that delay and slice by turns", sliced, delayed],
] as const) {
  test(`HTTP/1 conversations: both ends see what they do directly, ${name}`, async () => {
    for (let seed = from; seed < from + seeds; seed++) {
      const plan = withoutResets(planOf(seed));
      const direct = await play(plan, null);
      const seen = await play(plan, rules, otherRules);
      assert.deepEqual(differencesInMeaning(direct, seen, plan), [], `seed ${seed}`);
    }
  });
}

/** How much arrives before a reset is known to the upstream only where the bytes stay as they are. */
function withoutResets(plan: Plan): Plan {
  return plan.cut ? { ...plan, cut: { ...plan.cut, how: "fin" } } : plan;
}
