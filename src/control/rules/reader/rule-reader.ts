// How a source gets at rules in files: read, parsed and validated, here or in a process of its own. One parser, two hosts.

import type { Clock } from "../../../core/clock.ts";
import type { RuleSpec } from "../../../core/rule.ts";
import type { RulePath } from "../../../core/rule-problem.ts";
import type { Problem } from "../../../core/rule-source.ts";
import { readRuleFiles } from "../rule-files.ts";

export interface FoundRules {
  /** Equal for equal content of the files. */
  readonly digest: string;
  /** Empty where there is any problem. */
  readonly rules: readonly RuleSpec[];
  /** What could not be read or is not a rule. */
  readonly problems: readonly Problem[];
  /** Where a path of one of `rules` was written; after `close` perhaps only where the rule begins. */
  locate(rule: RuleSpec, path: RulePath): Promise<Pick<Problem, "place" | "path">>;
  /** Lets go of the texts. Idempotent. */
  close(): void;
}

export interface RuleReader {
  /**
   * The rules of the file or folder at `path`; null where its digest is still `known`. Rejects where the reader itself
   * broke, and with the signal's reason.
   */
  read(path: string, known: string, signal: AbortSignal): Promise<FoundRules | null>;
}

/** Reads in this thread, in turns. The parser stays loaded: tens of megabytes that a sidecar at rest has no use for. */
export function inlineReader(clock: Clock): RuleReader {
  return {
    async read(path, known, signal) {
      const found = await readRuleFiles(path, ".");
      if (found.digest === known) return null;
      // Loaded with the first rules: a program without any does without the weight of the parser.
      const { parseFiles } = await import("../read-rules.ts");
      const parsed = await parseFiles(found.files, clock, signal);
      const problems = [...found.problems, ...parsed.problems];
      return {
        digest: found.digest,
        rules: problems.length === 0 ? parsed.rules : [],
        problems,
        locate: async (rule, where) => parsed.locate(rule, where),
        close: () => undefined,
      };
    },
  };
}
