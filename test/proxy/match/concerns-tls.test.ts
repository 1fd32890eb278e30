// Which TLS servers a rule set could have calls for, told before anything is opened.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MatchSpec, RuleSpec } from "../../../src/core/rule.ts";
import { noRules } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { noFault, replyWith, ruleSpec, wideScope } from "../../support/rule-spec.ts";
import { outbound, rollOf } from "./described.ts";

const roll = rollOf({ nowMs: 1_000, seed: 0 });
const mock = replyWith("x");

function concerns(rules: readonly Partial<RuleSpec>[], name: string, connection = outbound): boolean {
  const set = compileRules(
    rules.map((rule, i) => ruleSpec({ name: `r${i}`, ...rule })),
    () => ({ effects: [], terminal: { kind: "relay" } }),
    "1",
  );
  assert.ok(!("problems" in set));
  return set.concernsTls(name, connection, roll);
}

const cases: readonly [what: string, match: MatchSpec, name: string, expected: boolean][] = [
  ["an exact host", { host: { op: "exact", value: "Shop.test" } }, "shop.test", true],
  [
    "a name of another script",
    { host: { op: "exact", value: "b\u00fccher.test" } },
    "xn--bcher-kva.test",
    true,
  ],
  ["another host", { host: { op: "exact", value: "shop.test" } }, "other.test", false],
  ["a suffix", { host: { op: "suffix", value: ".test" } }, "shop.test", true],
  ["a suffix that is another", { host: { op: "suffix", value: ".svc" } }, "shop.test", false],
  ["a regex", { host: { op: "regex", value: "shop\\..*" } }, "shop.test", true],
  ["a host with the port dialled", { host: { op: "exact", value: "shop.test:443" } }, "shop.test", true],
  ["a host with another port", { host: { op: "exact", value: "shop.test:80" } }, "shop.test", false],
  ["an address without a server name", { host: { op: "exact", value: "10.1.2.3" } }, "10.1.2.3", true],
  ["an IPv6 address", { host: { op: "exact", value: "::1" } }, "::1", true],
  ["no host but a path", { path: { op: "exact", value: "/pay" } }, "any.test", true],
  ["an expression", { expr: "true" }, "any.test", true],
  ["a body", { body: { op: "contains", value: "x" } }, "any.test", true],
  [
    "a host and a method that only the inside tells",
    { host: { op: "exact", value: "shop.test" }, method: { op: "exact", value: "POST" } },
    "shop.test",
    true,
  ],
  [
    "the direction of others",
    { direction: "inbound", path: { op: "exact", value: "/" } },
    "shop.test",
    false,
  ],
  [
    "a destination dialled",
    { destination: { cidr: "10.0.0.0/8", hostname: null, port: null }, path: { op: "exact", value: "/" } },
    "shop.test",
    true,
  ],
  [
    "another destination",
    { destination: { cidr: null, hostname: null, port: 8443 }, path: { op: "exact", value: "/" } },
    "shop.test",
    false,
  ],
];
for (const [what, match, name, expected] of cases) {
  test(`concerns tls: ${what}: ${expected ? "yes" : "no"}`, () => {
    assert.equal(concerns([{ matches: [match], respond: mock }], name), expected);
  });
}

test("concerns tls: a rule that claims every call concerns every server", () => {
  assert.equal(concerns([{ respond: mock }], "any.test"), true);
  assert.equal(noRules.concernsTls("any.test", outbound, roll), false);
});

test("concerns tls: a rule on bytes alone opens nothing", () => {
  const fault = { ...noFault, abort: { kind: "reset" } } as const;
  assert.equal(concerns([{ matches: [{ direction: "outbound" }], fault }], "any.test"), false);
});

test("concerns tls: a rule for nobody, or past its end, opens nothing", () => {
  const host = [{ host: { op: "exact", value: "shop.test" } }] as const;
  const over = { ...wideScope, expiresAtMs: 999 };
  const nobody = { ...wideScope, percentage: 0 };
  assert.equal(concerns([{ matches: host, respond: mock, scope: over }], "shop.test"), false);
  assert.equal(concerns([{ matches: host, respond: mock, scope: nobody }], "shop.test"), false);
  assert.equal(
    concerns([{ matches: host, respond: mock, scope: { ...over, expiresAtMs: 1_001 } }], "shop.test"),
    true,
  );
});

test("concerns tls: one among thousands is found, and the others are not in the way", () => {
  const many = Array.from({ length: 5_000 }, (_, i) => ({
    matches: [
      { host: { op: "exact", value: `h${i % 500}.test` }, path: { op: "exact", value: `/${i}` } } as const,
    ],
    respond: mock,
  }));
  assert.equal(concerns(many, "h499.test"), true);
  assert.equal(concerns(many, "h500.test"), false);
});
