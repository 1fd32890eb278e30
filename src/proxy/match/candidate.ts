// One item of one rule's `matches`, compiled: what the index files, and what a decision tests.

import type { MatchSpec } from "../../core/rule.ts";
import type { MessageRule, Rule } from "../../core/rule-set.ts";
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
  /** The rule touches messages of a WebSocket: it claims no call. null: it claims calls. */
  readonly message: MessageRule | null;
}

/** A candidate where the index filed it. */
export interface Entry {
  readonly order: number;
  readonly rule: Rule;
  /** What is still to be tested of head, connection, state and scope: the look-ups on the way have settled the rest. */
  readonly headKeys: readonly Key[];
  readonly bodyKeys: readonly Key[];
  readonly message: MessageRule | null;
}

/** Shared, so that what needs no test costs no memory. */
export const noKeys: readonly Key[] = Object.freeze([]);

export function allHold(keys: readonly Key[], call: Call): boolean {
  for (let i = 0; i < keys.length; i++) if (keys[i]?.test(call) === false) return false;
  return true;
}
