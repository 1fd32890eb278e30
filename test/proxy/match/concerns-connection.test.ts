// To which places a rule set could have calls, told before any byte of a connection is understood.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MatchSpec } from "../../../src/core/rule.ts";
import { noRules } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { ruleSpec } from "../../support/rule-spec.ts";
import { outbound, rollOf } from "./described.ts";

const facts = { ...outbound, originalDestination: { host: "10.1.2.3", port: 50_051 } };
const roll = rollOf({ nowMs: 1_000, seed: 0 });
const place = (cidr: string | null, port: number | null) => ({ destination: { cidr, port, hostname: null } });

function concerns(...matches: readonly MatchSpec[]): boolean {
  const set = compileRules(
    matches.map((match, i) => ruleSpec({ name: `r${i}`, matches: [match] })),
    () => ({ effects: [], terminal: { kind: "relay" } }),
    "1",
  );
  assert.ok(!("problems" in set));
  return set.concernsConnection(facts, roll);
}

const cases: readonly [what: string, matches: readonly MatchSpec[], expected: boolean][] = [
  ["a path alone", [{ path: { op: "exact", value: "/pay" } }], true],
  ["a host, which each call names anew", [{ host: { op: "exact", value: "other.test" } }], true],
  ["the place", [place("10.0.0.0/8", null)], true],
  ["the very address", [place("10.1.2.3/32", null)], true],
  ["another address", [place("10.1.2.4/32", null)], false],
  [
    "another place, and a path",
    [{ ...place("192.0.2.0/24", null), path: { op: "exact", value: "/" } }],
    false,
  ],
  ["another port", [place(null, 443)], false],
  ["the other direction", [{ direction: "inbound" }], false],
  ["the direction", [{ direction: "outbound" }], true],
  ["many other places", [place("192.0.2.0/24", null), place("192.0.2.0/24", null), place(null, 80)], false],
  ["the last of many places", [place("192.0.2.0/24", null), place(null, 80), place(null, 50_051)], true],
];

for (const [what, matches, expected] of cases)
  test(`concernsConnection: ${what}: ${expected}`, () => assert.equal(concerns(...matches), expected));

test("concernsConnection: no rules concern nothing", () => {
  assert.equal(noRules.concernsConnection(facts, roll), false);
  assert.equal(concerns(), false);
});
