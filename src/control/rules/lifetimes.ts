// When each rule with a `ttl` ends. The time counts from when this process first took the rule with this content: a reload
// that leaves the rule alone does not prolong it, a change of the rule starts it anew, and so does taking it out and back in.

import { createHash } from "node:crypto";
import type { RuleSpec } from "../../core/rule.ts";

interface Lifetime {
  readonly content: string;
  readonly endsAtMs: number;
}

/** By name of the rule; as many entries as there are rules in force with a `ttl`. */
export type Lifetimes = ReadonlyMap<string, Lifetime>;

/** The rules with their ends filled in, and the ledger to keep once they are taken. `nowMs`: milliseconds since the epoch. */
export function withLifetimes(
  rules: readonly RuleSpec[],
  known: Lifetimes,
  nowMs: number,
): { readonly rules: readonly RuleSpec[]; readonly lifetimes: Lifetimes } {
  const lifetimes = new Map<string, Lifetime>();
  const dated = rules.map((rule) => {
    const { ttlMs } = rule.scope;
    if (ttlMs === null) return rule;
    const content = contentOf(rule);
    const before = known.get(rule.name);
    const lifetime = before?.content === content ? before : { content, endsAtMs: nowMs + ttlMs };
    lifetimes.set(rule.name, lifetime);
    return { ...rule, scope: { ...rule.scope, expiresAtMs: lifetime.endsAtMs } };
  });
  return { rules: dated, lifetimes };
}

/** Two rules with the same digest do the same; where they stand in their file does not count. */
function contentOf(rule: RuleSpec): string {
  return createHash("sha256")
    .update(JSON.stringify({ ...rule, origin: "" }))
    .digest("base64");
}
