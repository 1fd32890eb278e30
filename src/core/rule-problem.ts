// What is wrong with a rule, told so that every place that shows rules says it alike.

import { UnderstudyError } from "./errors.ts";

/** Keys and indices from the rule's own root: `["fault", "delay"]`, `["matches", 0, "expr"]`. */
export type RulePath = readonly (string | number)[];

/** Thrown while a rule is compiled; the store adds the file, the line and the rule's place. */
export class RuleProblem extends UnderstudyError {
  readonly path: RulePath;
  /** What else is wrong with the same part. */
  readonly others: readonly RuleProblem[];
  /** It is about something that rules share (descriptors): in other rules, the same message means the same mistake. */
  readonly shared: boolean;

  /** `message`: what was expected and what stood there: `expected a duration such as 200ms, got "fast"`. */
  constructor(
    path: RulePath,
    message: string,
    options?: { cause?: unknown; others?: readonly RuleProblem[]; shared?: boolean },
  ) {
    super("bad_rules", message, options);
    this.path = path;
    this.others = options?.others ?? [];
    this.shared = options?.shared ?? false;
  }
}

/** Does all steps, and throws what they refuse together: the first mistake with the others behind it. */
export function allSteps<T>(steps: readonly (() => T)[]): readonly T[] {
  const done: T[] = [];
  const problems: RuleProblem[] = [];
  for (const step of steps) {
    try {
      done.push(step());
    } catch (thrown) {
      if (!(thrown instanceof RuleProblem)) throw thrown;
      problems.push(thrown, ...thrown.others);
    }
  }
  const [first, ...others] = problems;
  if (first) throw new RuleProblem(first.path, first.message, { cause: first, others, shared: first.shared });
  return done;
}

/** `rules[2].fault.delay` from `["rules", 2, "fault", "delay"]`. */
export function formatRulePath(path: RulePath): string {
  let text = "";
  for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
  return text;
}
