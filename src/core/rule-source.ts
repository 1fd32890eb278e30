// Where rules come from: whole snapshots, never differences.

import type { RuleSpec } from "./rule.ts";
import type { RulePath } from "./rule-problem.ts";

/** Everything one source holds at one moment. */
export interface RuleSnapshot {
  /** Identifies the content; equal content has the equal revision. */
  readonly revision: string;
  readonly rules: readonly RuleSpec[];
  /** Filled where the source could not be read or parsed; `rules` is then empty and must not replace the last good ones. */
  readonly problems: readonly Problem[];
  /**
   * Where a path inside one of `rules` was written; a source that has no lines leaves it out. It may
   * only know where the rule begins once the next snapshot was asked for. Rejects where the source broke.
   */
  locate?(
    rule: RuleSpec,
    path: RulePath,
  ): Pick<Problem, "place" | "path"> | Promise<Pick<Problem, "place" | "path">>;
}

/** One finding, as every place shows it: `rules.yaml:14: rules[2].fault.delay: expected …`. */
export interface Problem {
  /** File with line, or key of a store; "" where there is none. */
  readonly place: string;
  /** `rules[2].fault.delay`; "" for the whole. */
  readonly path: string;
  readonly message: string;
  /** Nothing is wrong with the rules: where they are kept does not answer. */
  readonly away?: true;
}

/** The one line that shows a problem. */
export function formatProblem(problem: Problem): string {
  return [problem.place, problem.path, problem.message].filter((part) => part !== "").join(": ");
}

/** Reconnects by itself; the iteration ends when the signal aborts. */
export interface RuleSource {
  readonly name: string;
  watch(signal: AbortSignal): AsyncIterable<RuleSnapshot>;
}
