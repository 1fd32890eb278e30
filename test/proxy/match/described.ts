// Rules, calls and rolls from the few values that a test cares about.

import assert from "node:assert/strict";
import type { ConnectionFacts } from "../../../src/core/connection.ts";
import { relayTerminal } from "../../../src/core/effect.ts";
import type { RequestHead } from "../../../src/core/exchange.ts";
import type { MatchSpec, RuleSpec, ScopeSpec } from "../../../src/core/rule.ts";
import { formatRulePath } from "../../../src/core/rule-problem.ts";
import type { Plan, Roll, RuleSet } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { type DescribedRequest, requestHead } from "../../../src/proxy/match/request-head.ts";

export const everyone: ScopeSpec = {
  percentage: 100,
  decideBy: { by: "request" },
  expiresAtMs: null,
  ttlMs: null,
  headers: [],
  baggage: [],
  maxActive: null,
};

export function ruleOf(
  name: string,
  matches: readonly MatchSpec[],
  scope: Partial<ScopeSpec> = {},
  rest: Partial<RuleSpec> = {},
): RuleSpec {
  return {
    name,
    priority: 100,
    matches,
    scope: { ...everyone, ...scope },
    state: null,
    respond: null,
    fault: null,
    patch: null,
    origin: "test",
    ...rest,
  };
}

export const relayPlan: Plan = { effects: [], terminal: relayTerminal };

/** Fails the test where the rules have problems. */
export function compiled(
  specs: readonly RuleSpec[],
  plan: (spec: RuleSpec) => Plan = () => relayPlan,
): RuleSet {
  const result = compileRules(specs, plan, "r1");
  if ("problems" in result) assert.fail(result.problems.map(({ problem }) => problem.message).join("\n"));
  return result;
}

/** `rule matches[0].path: message`, one per problem; fails the test where there is none. */
export function problemsOf(
  specs: readonly RuleSpec[],
  plan: (spec: RuleSpec) => Plan = () => relayPlan,
): string[] {
  const result = compileRules(specs, plan, "r1");
  if (!("problems" in result)) assert.fail("expected problems");
  return result.problems.map(
    ({ rule, problem }) => `${rule.name} ${formatRulePath(problem.path)}: ${problem.message}`,
  );
}

export function headOf(request: DescribedRequest): RequestHead {
  return requestHead(request) ?? assert.fail(`no head of ${JSON.stringify(request)}`);
}

export const outbound: ConnectionFacts = {
  id: "c1",
  direction: "outbound",
  downstream: { host: "127.0.0.1", port: 40_000 },
  originalDestination: { host: "10.1.2.3", port: 443 },
};

export function rollOf(values: Partial<Roll> = {}): Roll {
  const { activeCalls = () => 0 } = values;
  const hasRoom = (rule: string, maxActive: number) => activeCalls(rule) < maxActive;
  return {
    nowMs: 0,
    steadyMs: 0,
    seed: 1,
    activeCalls,
    hasRoom,
    faultsHalted: false,
    stateOf: () => undefined,
    ...values,
  };
}

/** Name of the rule that claims, `need-body`, or null. */
export function decided(
  rules: RuleSet,
  request: DescribedRequest,
  connection: ConnectionFacts = outbound,
  roll: Roll = rollOf(),
): string | null {
  const verdict = rules.decide(headOf(request), connection, roll);
  return verdict === null || verdict === "need-body" ? verdict : verdict.spec.name;
}

/** Whether a rule of one match claims the call; with `body`, after it is known. */
export function holds(match: MatchSpec, request: DescribedRequest, body?: string | null): boolean {
  const rules = compiled([ruleOf("it", [match])]);
  if (body === undefined) return decided(rules, request) === "it";
  const bytes = body === null ? null : Buffer.from(body);
  return rules.decideWithBody(headOf(request), outbound, bytes, rollOf()) !== null;
}
