// The key by which sidecars know that they have the very same rule.

import assert from "node:assert/strict";
import { test } from "node:test";
import { budgetedRules } from "../../../../src/control/mesh/budget/budgeted-rules.ts";
import type { RuleSpec, ScopeSpec } from "../../../../src/core/rule.ts";
import { noRules } from "../../../../src/core/rule-set.ts";
import { ruleSpec } from "../../../support/rule-spec.ts";

function keyOf(scope: Partial<ScopeSpec>, rule: Partial<RuleSpec> = {}): string | undefined {
  const spec = ruleSpec({ name: "r", ...rule, scope: { ...ruleSpec({}).scope, maxActive: 3, ...scope } });
  const terminal = { kind: "relay" as const };
  return budgetedRules({ ...noRules, rules: [{ spec, rank: 0, effects: [], terminal }] })[0]?.key;
}

test("budgeted rules: a ttl ends at another moment in each sidecar, and is the same ttl", () => {
  const one = keyOf({ ttlMs: 5, expiresAtMs: 1_005, lapsesAtMs: 15 }, { origin: "a:1" });
  assert.match(one ?? "", /^[0-9a-f]{8}$/);
  assert.equal(keyOf({ ttlMs: 5, expiresAtMs: 2_005, lapsesAtMs: 95 }, { origin: "b:7" }), one);
  assert.notEqual(keyOf({ ttlMs: 6, expiresAtMs: 1_005, lapsesAtMs: 15 }), one);
});

test("budgeted rules: another end that was written is another rule, and without a bound there is no key", () => {
  assert.notEqual(keyOf({ expiresAtMs: 1_005 }), keyOf({ expiresAtMs: 1_006 }));
  assert.equal(keyOf({ maxActive: null }), undefined);
});
