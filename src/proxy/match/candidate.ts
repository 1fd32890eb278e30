// One item of one rule's `matches`, compiled: what the index files, and what a decision tests.

import type { MatchSpec } from "../../core/rule.ts";
import type { Rule } from "../../core/rule-set.ts";
import type { Call } from "./call.ts";
import type { Key } from "./key.ts";

export interface Candidate {
  readonly rule: Rule;
  /** null: the rule has no `matches` and claims every call. */
  readonly match: MatchSpec | null;
  /** Place among `matches`; 0 where there are none. */
  readonly matchIndex: number;
  /** Rank of the rule; within a rule, items that need no body come first, since they settle the call at once. */
  readonly order: number;
  /** On the head and the connection. */
  readonly headKeys: readonly Key[];
  /** State and scope of the rule. */
  readonly scopeKeys: readonly Key[];
  /** On the body; empty: the head settles it. */
  readonly bodyKeys: readonly Key[];
}

/** Whether all keys hold that need no body. */
export function headHolds(candidate: Candidate, call: Call): boolean {
  return all(candidate.headKeys, call) && all(candidate.scopeKeys, call);
}

export function bodyHolds(candidate: Candidate, call: Call): boolean {
  return all(candidate.bodyKeys, call);
}

function all(keys: readonly Key[], call: Call): boolean {
  for (let i = 0; i < keys.length; i++) if (keys[i]?.test(call) === false) return false;
  return true;
}
