// Rules of several sources as one list in the order of trying.

import type { RuleSpec } from "../../core/rule.ts";
import { formatRulePath, type RulePath } from "../../core/rule-problem.ts";
import type { Problem, RuleSnapshot } from "../../core/rule-source.ts";
import { sharedName } from "./shared-name.ts";

export interface SourcedSnapshot {
  /** Name of the source. */
  readonly source: string;
  readonly snapshot: RuleSnapshot;
}

export interface Merged {
  readonly revision: string;
  readonly rules: readonly RuleSpec[];
  /** By name of the rule. */
  readonly homes: ReadonlyMap<string, { readonly rule: RuleSpec; readonly snapshot: RuleSnapshot }>;
  readonly problems: readonly Problem[];
}

/**
 * By priority; ties by the name of the source, so that all sidecars agree however they list their sources; then in the order
 * of writing. A name in two sources is a problem.
 */
export async function mergeSnapshots(parts: readonly SourcedSnapshot[]): Promise<Merged> {
  const ordered = [...parts].sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0));
  const homes = new Map<string, { rule: RuleSpec; snapshot: RuleSnapshot }>();
  const problems: Problem[] = [];
  const rules: RuleSpec[] = [];
  for (const { snapshot } of ordered) {
    for (const rule of snapshot.rules) {
      const first = homes.get(rule.name);
      if (first !== undefined) problems.push(await twin(snapshot, rule, first.rule));
      else homes.set(rule.name, { rule, snapshot });
      rules.push(rule);
    }
  }
  // Sorting is stable: ties stay as they are.
  rules.sort((a, b) => a.priority - b.priority);
  return { revision: ordered.map((part) => part.snapshot.revision).join("+"), rules, homes, problems };
}

async function twin(snapshot: RuleSnapshot, rule: RuleSpec, first: RuleSpec): Promise<Problem> {
  const place = await placeIn(snapshot, rule, ["name"]);
  return { ...place, message: sharedName(rule.name, first.origin) };
}

/** Where a path of a rule was written; where the rule begins, when its snapshot cannot tell (any more). */
export async function placeIn(
  snapshot: RuleSnapshot,
  rule: RuleSpec,
  path: RulePath,
): Promise<Pick<Problem, "place" | "path">> {
  const unknown = { place: rule.origin, path: formatRulePath(path) };
  try {
    return (await snapshot.locate?.(rule, path)) ?? unknown;
  } catch {
    return unknown; // the problem itself is worth telling without its exact line
  }
}
