// Conditions on who is touched: whether faults are stopped, lifetime, state, headers, baggage, share of calls, calls at once.

import { isMortal, isOver, type Lifetime } from "../../core/lifetime.ts";
import { hashText, mix32 } from "../../core/random.ts";
import type { DecideBy, RuleSpec, StateSpec } from "../../core/rule.ts";
import { stateKeyOf } from "../../core/state-key.ts";
import type { Call } from "./call.ts";
import { faultsKey, isOnlyFault } from "./calm-rule.ts";
import type { Key } from "./key.ts";
import { HeaderKey, PairsKey } from "./named-keys.ts";
import type { Patterns } from "./pattern.ts";
import { traceIdOf } from "./trace-id.ts";

/** The name of the key that a draw decides; everything else follows from the call alone. */
export const percentageKeyName = "scope.percentage";

/** State and scope of one rule; empty where they leave nobody out. Throws RuleProblem. */
export function scopeKeys(spec: RuleSpec, patterns: Patterns): Key[] {
  const { scope } = spec;
  const keys: Key[] = isOnlyFault(spec) ? [faultsKey] : [];
  if (isMortal(scope)) keys.push(expiryKey(scope));
  if (spec.state?.is != null) keys.push(stateKey(spec.state, spec.state.is));
  for (const named of scope.headers)
    keys.push(new HeaderKey("scope.headers", named, ["scope", "headers"], patterns));
  for (const named of scope.baggage) {
    keys.push(new PairsKey("scope.baggage", "baggage", named, ["scope", "baggage"], patterns));
  }
  if (scope.percentage < 100) keys.push(percentageKey(spec.name, scope.percentage, scope.decideBy));
  if (scope.maxActive !== null) keys.push(maxActiveKey(spec.name, scope.maxActive));
  return keys;
}

function expiryKey(lifetime: Lifetime): Key {
  const { expiresAtMs } = lifetime;
  return {
    name: "scope.expiresAt",
    anchor: null,
    test: ({ roll }) => !isOver(lifetime, roll.nowMs, () => roll.steadyMs),
    expected: () => (expiresAtMs === null ? "within its ttl" : `before ${isoTime(expiresAtMs)}`),
    actual: (call) => isoTime(call.roll.nowMs),
  };
}

/** Farthest moment that a Date can hold, in milliseconds. */
const lastDateMs = 8.64e15;

function isoTime(ms: number): string {
  return Math.abs(ms) <= lastDateMs ? new Date(ms).toISOString() : `${ms} ms`;
}

const initialState = "initial";

function stateKey(state: StateSpec, wanted: string): Key {
  const current = (call: Call) => call.roll.stateOf(state.name, stateKeyOf(state, call.head)) ?? initialState;
  return {
    name: "state.is",
    anchor: null,
    test: (call) => current(call) === wanted,
    expected: () => `${state.name} is ${JSON.stringify(wanted)}`,
    actual: (call) => JSON.stringify(current(call)),
  };
}

function percentageKey(rule: string, percentage: number, decideBy: DecideBy): Key {
  const salt = hashText(rule);
  return {
    name: percentageKeyName,
    anchor: null,
    // 0 is never below 0, and every draw is below 100.
    test: (call) => (drawOf(decideBy, salt, call) / 0x1_0000_0000) * 100 < percentage,
    expected: () => `${percentage} % of such calls`,
    actual: () => "not drawn",
  };
}

/**
 * A uniform 32-bit number. By header or trace it depends on the rule's name and the value alone: every sidecar draws
 * the same. A call that carries no such value is drawn by itself, so that such calls do not all fare alike.
 */
function drawOf(decideBy: DecideBy, salt: number, call: Call): number {
  let value: string | undefined;
  if (decideBy.by === "connection") value = call.connection.id;
  else if (decideBy.by === "trace") value = traceIdOf(call.head);
  else if (decideBy.by === "header") value = call.head.header(decideBy.name.toLowerCase());
  return value === undefined ? mix32(call.roll.seed ^ salt) : hashText(value, salt);
}

function maxActiveKey(rule: string, maxActive: number): Key {
  return {
    name: "scope.maxActive",
    anchor: null,
    test: (call) => call.roll.hasRoom(rule, maxActive),
    expected: () => `fewer than ${maxActive} calls at once`,
    actual: (call) => `${call.roll.activeCalls(rule)} in flight`,
  };
}
