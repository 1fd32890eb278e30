// Rules for tests: a file of one rule from the lines of it, and the problems as people see them.

import { type ParsedRules, parseRules } from "../../../src/control/rules/parse.ts";
import type { RuleSpec } from "../../../src/core/rule.ts";
import { formatProblem } from "../../../src/core/rule-source.ts";

/** What is wrong, one line each, with the file called `r.yaml`. */
export function linesOf(text: string, file = "r.yaml"): readonly string[] {
  return parseRules(text, file).problems.map(formatProblem);
}

/** A file whose only rule, `a`, has these lines beside its name; the first of them is line 4. */
export function fileOf(...lines: readonly string[]): string {
  return ["version: 1", "rules:", "  - name: a", ...lines.map((line) => `    ${line}`), ""].join("\n");
}

/** The rule of such a file, which must be good. */
export function ruleOf(...lines: readonly string[]): RuleSpec {
  return onlyRule(parseRules(fileOf(...lines), "/etc/rules/r.yaml"));
}

export function onlyRule({ rules, problems }: ParsedRules): RuleSpec {
  const [rule] = rules;
  if (rule === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return rule;
}
