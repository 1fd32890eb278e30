// What is said of names that do not resolve, where rules have answered nothing.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TapEvent } from "../../../src/core/tap.ts";
import { createIdleRules } from "../../../src/proxy/tap/idle-rules.ts";
import { call, opaque } from "./events.ts";

const inForce: TapEvent = { kind: "rules-applied", revision: "a", rules: 1 };

function after(...events: readonly TapEvent[]) {
  const rules = createIdleRules();
  for (const event of events) rules.observe(event);
  return rules;
}

describe("idle rules", () => {
  test("tell of the names, and what to do", () => {
    const rules = after(inForce, call(), opaque());
    assert.equal(
      rules.unresolvedText(["payments.shop"]),
      "no rule has answered, and 1 name did not resolve: payments.shop\n" +
        "  next: name the host in the rule that is to answer for it: docs/run.md#names-that-do-not-resolve\n",
    );
    assert.deepEqual(rules.unresolvedFields(["payments.shop"]), {
      unresolved: ["payments.shop"],
      msg:
        "no rule has answered, and 1 name did not resolve; " +
        "name the host in the rule that is to answer for it: docs/run.md#names-that-do-not-resolve",
    });
  });

  test("tell of a few names to people, and of more to programs", () => {
    const names = Array.from({ length: 70 }, (_, i) => `n${i}.shop`);
    const rules = after(inForce);
    assert.match(
      rules.unresolvedText(names),
      /70 names did not resolve: n0\.shop, .*, n4\.shop and 65 more\n/,
    );
    assert.deepEqual(rules.unresolvedFields(names)?.unresolved, names.slice(0, 50));
  });

  const none: TapEvent = { kind: "rules-applied", revision: "b", rules: 0 };
  for (const [why, names, events] of [
    ["every name resolves", [], [inForce]],
    ["there are no rules", ["a.shop"], [none]],
    ["a rule has mocked", ["a.shop"], [inForce, call({ outcome: "mocked", rule: "one" })]],
    ["a rule has aborted", ["a.shop"], [inForce, call({ outcome: "aborted", rule: "one" })]],
    ["a rule has answered a WebSocket", ["a.shop"], [inForce, opaque({ outcome: "mocked", rule: "one" })]],
  ] as const)
    test(`say nothing where ${why}`, () => {
      const rules = after(...events);
      assert.equal(rules.unresolvedText(names), "");
      assert.equal(rules.unresolvedFields(names), null);
    });

  test("that are gone at the end count as well", () => {
    assert.notEqual(after(inForce, none).unresolvedText(["a.shop"]), "");
  });
});
