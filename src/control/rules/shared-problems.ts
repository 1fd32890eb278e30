// One mistake that many rules share (descriptors that are missing, a service that is not in them) is told once, with the
// rules that it concerns.

import type { RuleSpec } from "../../core/rule.ts";
import type { RuleProblem } from "../../core/rule-problem.ts";

/** What the compiler refused. */
export interface Refused {
  readonly rule: Pick<RuleSpec, "name" | "origin">;
  readonly problem: Pick<RuleProblem, "path" | "message" | "shared">;
}

/** Rules that are named; the rest is counted. */
const maxNamed = 3;

/** Of shared problems with equal words the first one, which names the others. Keeps the order. */
export function toldOnce<T extends Refused>(refused: readonly T[]): readonly (Refused & Pick<T, "rule">)[] {
  const concerned = new Map<string, Set<T["rule"]>>();
  for (const { rule, problem } of refused) {
    if (!problem.shared) continue;
    const rules = concerned.get(problem.message);
    if (rules) rules.add(rule);
    else concerned.set(problem.message, new Set([rule]));
  }
  return refused.flatMap(({ rule, problem }) => {
    if (!problem.shared) return [{ rule, problem }];
    const rules = concerned.get(problem.message);
    concerned.delete(problem.message);
    if (!rules) return [];
    return [{ rule, problem: { ...problem, message: `${problem.message}${othersOf([...rules])}` } }];
  });
}

function othersOf(rules: readonly Refused["rule"][]): string {
  if (rules.length === 1) return "";
  const named = rules.slice(0, maxNamed).map(({ name, origin }) => `${name} (${origin})`);
  const rest = rules.length - named.length;
  return `; concerns ${rules.length} rules: ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
