// What is wrong with a rule, told so that every place that shows rules says it alike.

import { UnderstudyError } from "./errors.ts";

/** Keys and indices from the rule's own root: `["fault", "delay"]`, `["matches", 0, "expr"]`. */
export type RulePath = readonly (string | number)[];

/** Thrown while a rule is compiled; the store adds the file, the line and the rule's place. */
export class RuleProblem extends UnderstudyError {
  readonly path: RulePath;

  /** `message`: what was expected and what stood there: `expected a duration such as 200ms, got "fast"`. */
  constructor(path: RulePath, message: string, options?: { cause?: unknown }) {
    super("bad_rules", message, options);
    this.path = path;
  }
}

/** `rules[2].fault.delay` from `["rules", 2, "fault", "delay"]`. */
export function formatRulePath(path: RulePath): string {
  let text = "";
  for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
  return text;
}
