// All rules behind some paths: read, parsed, and their names compared across files. Large files are parsed in turns, so that
// traffic in the same process goes on.

import { dirname } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { RuleSpec } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { Problem } from "../../core/rule-source.ts";
import { runInTurns } from "../../core/turns.ts";
import { type ParsedRules, parseSteps } from "./parse.ts";
import type { RuleFile } from "./rule-files.ts";
import { sharedName } from "./shared-name.ts";

export interface ReadRules {
  /** In the order of the files, then of writing. Empty where there is any problem. */
  readonly rules: readonly RuleSpec[];
  readonly problems: readonly Problem[];
  locate(rule: RuleSpec, path: RulePath): Pick<Problem, "place" | "path">;
}

/** How far a reading has come, for whoever looks at it meanwhile. */
export interface ReadingProgress {
  /** Rules that were parsed. */
  rules: number;
}

/** Parses the files as one set. Rejects with the signal's reason when it aborts. */
export async function parseFiles(
  files: readonly RuleFile[],
  clock: Clock,
  signal: AbortSignal,
  progress: ReadingProgress = { rules: 0 },
): Promise<ReadRules> {
  const parts: ParsedRules[] = [];
  for (const { text, name, path } of files) {
    const steps = counted(parseSteps(text, name, dirname(path)), progress);
    parts.push(await runInTurns(steps, clock, signal));
  }
  const problems = [...parts.flatMap((part) => part.problems), ...twins(parts)];
  return {
    rules: problems.length === 0 ? parts.flatMap((part) => part.rules) : [],
    problems,
    locate: (rule, path) => locateIn(parts, rule, path),
  };
}

/** Each step is a rule. */
function* counted<T>(steps: Generator<void, T>, progress: ReadingProgress): Generator<void, T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    progress.rules++;
    yield;
  }
}

/** Rules of different files that share a name. */
function twins(parts: readonly ParsedRules[]): readonly Problem[] {
  const origins = new Map<string, string>();
  return parts.flatMap((part) =>
    part.rules.flatMap((rule) => {
      const first = origins.get(rule.name);
      if (first === undefined) origins.set(rule.name, rule.origin);
      return first === undefined
        ? []
        : [{ ...part.locate(rule, ["name"]), message: sharedName(rule.name, first) }];
    }),
  );
}

function locateIn(
  parts: readonly ParsedRules[],
  rule: RuleSpec,
  path: RulePath,
): Pick<Problem, "place" | "path"> {
  const part = parts.find((one) => one.rules.includes(rule));
  return part === undefined ? { place: rule.origin, path: "" } : part.locate(rule, path);
}
