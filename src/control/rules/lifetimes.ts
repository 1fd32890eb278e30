// When each rule with a `ttl` ends. The time counts from when this process first took the rule with this content: a reload
// that leaves the rule alone does not prolong it, a change of the rule starts it anew, and so does taking it out and back in.

import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { RuleSpec } from "../../core/rule.ts";

interface Lifetime {
  readonly content: string;
  readonly expiresAtMs: number;
  readonly lapsesAtMs: number;
}

/** By name of the rule; as many entries as there are rules in force with a `ttl`. */
export type Lifetimes = ReadonlyMap<string, Lifetime>;

/**
 * The rules with their ends filled in, by both clocks, and the ledger to keep once they are taken. Whichever comes first ends
 * the rule: the time of day may be set back, and the other clock stands still while the machine sleeps.
 */
export function withLifetimes(
  rules: readonly RuleSpec[],
  known: Lifetimes,
  clock: Pick<Clock, "now" | "wall">,
): { readonly rules: readonly RuleSpec[]; readonly lifetimes: Lifetimes } {
  const lifetimes = new Map<string, Lifetime>();
  const dated = rules.map((rule) => {
    const { ttlMs } = rule.scope;
    if (ttlMs === null) return rule;
    const content = contentOf(rule);
    const before = known.get(rule.name);
    const lifetime = before?.content === content ? before : begin(content, ttlMs, clock);
    lifetimes.set(rule.name, lifetime);
    const { expiresAtMs, lapsesAtMs } = lifetime;
    return { ...rule, scope: { ...rule.scope, expiresAtMs, lapsesAtMs } };
  });
  return { rules: dated, lifetimes };
}

function begin(content: string, ttlMs: number, clock: Pick<Clock, "now" | "wall">): Lifetime {
  return { content, expiresAtMs: clock.wall() + ttlMs, lapsesAtMs: clock.now() + ttlMs };
}

/** Two rules with the same digest do the same; where they stand in their file does not count. */
function contentOf(rule: RuleSpec): string {
  return createHash("sha256")
    .update(JSON.stringify({ ...rule, origin: "" }))
    .digest("base64");
}
