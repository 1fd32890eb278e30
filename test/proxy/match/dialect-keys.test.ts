// Rules in the words of a dialect: filed under what follows from them, refused where they contradict themselves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRulePath } from "../../../src/core/rule-problem.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { explain } from "../../../src/proxy/match/explain.ts";
import { lineDialect, lines } from "../../support/line-dialect.ts";
import { headOf, outbound, relayPlan, rollOf, ruleOf } from "./described.ts";

const call = headOf({
  method: "POST",
  url: "http://a.svc/talk",
  headers: [["content-type", "text/x-lines"]],
});

function compiled(match: ReturnType<typeof lines>) {
  return compileRules([ruleOf("it", [match])], () => relayPlan, "r", [lineDialect]);
}

function setOf(match: ReturnType<typeof lines>) {
  const made = compiled(match);
  if ("problems" in made) assert.fail(made.problems[0]?.problem.message ?? "");
  return made;
}

test("dialect keys: what is implied must hold beside the match's own keys", () => {
  const rules = setOf(lines("/talk", { host: { op: "exact", value: "a.svc" } }));
  assert.notEqual(rules.decide(call, outbound, rollOf()), null);
  const elsewhere = headOf({ method: "POST", url: "http://a.svc/other", headers: call.headers });
  assert.equal(rules.decide(elsewhere, outbound, rollOf()), null);
  const otherHost = headOf({ method: "POST", url: "http://b.svc/talk", headers: call.headers });
  assert.equal(rules.decide(otherHost, outbound, rollOf()), null);
});

test("dialect keys: a condition on the body waits for it, and is asked with it", () => {
  const rules = setOf(lines("/talk hello"));
  assert.equal(rules.decide(call, outbound, rollOf()), "need-body");
  const claimed = (body: string | null) =>
    rules.decideWithBody(call, outbound, body === null ? null : Buffer.from(body), rollOf()) !== null;
  assert.equal(claimed("hello\nrest"), true);
  assert.equal(claimed("bye\nhello"), false);
  assert.equal(claimed(null), false);
});

test("dialect keys: the dialect that claims a call says when its body is enough; without one only its end is", () => {
  const rules = setOf(lines("/talk hello"));
  assert.equal(rules.bytesNeeded(call, Buffer.from("hel")), 4);
  assert.equal(rules.bytesNeeded(call, Buffer.from("hello\n")), 6);
  const plain = headOf({ method: "POST", url: "http://a.svc/talk", headers: [] });
  assert.equal(rules.bytesNeeded(plain, Buffer.from("hello\n")), Number.POSITIVE_INFINITY);
});

test("dialect keys: keys that no such call can meet are refused, with what is implied", () => {
  for (const [match, place, message] of [
    [
      lines("/talk", { path: { op: "prefix", value: "/other" } }),
      "matches[0].path",
      /^expected "\/talk", which lines implies here/,
    ],
    [lines("/talk", { method: { op: "exact", value: "GET" } }), "matches[0].method", /^expected "POST"/],
    [
      lines("/talk", { headers: [{ name: "content-type", match: { op: "exact", value: "text/html" } }] }),
      "matches[0].headers",
      /^expected "text\/x-lines"/,
    ],
    [lines("talk"), "matches[0].lines", /^expected a path/],
  ] as const) {
    const made = compiled(match);
    assert.ok("problems" in made);
    const [found] = made.problems;
    assert.equal(formatRulePath(found?.problem.path ?? []), place);
    assert.match(found?.problem.message ?? "", message);
  }
  // What may hold together is no contradiction.
  setOf(
    lines("/talk", {
      path: { op: "prefix", value: "/ta" },
      headers: [{ name: "x", match: { op: "absent" } }],
    }),
  );
});

test("dialect keys: explain says which line was expected", () => {
  const { misses } = explain(
    setOf(lines("/talk hello")),
    { head: call, connection: outbound, body: Buffer.from("bye\n") },
    rollOf(),
  );
  assert.partialDeepStrictEqual(misses, [
    { failedKey: "lines.first", expected: "the line hello", actual: "the line bye" },
  ]);
});

test("dialect keys: a rule in a dialect never claims a connection that nobody parses", () => {
  const made = setOf(lines("/talk"));
  assert.equal(made.decideConnection(outbound, rollOf()), null);
});
