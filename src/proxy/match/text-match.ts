// One text against one matcher: exact, prefix, suffix, contains, regex, absent.

import type { TextMatch } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { Patterns } from "./pattern.ts";

/** undefined: the place holds nothing; then only `absent` holds. */
export type TextTest = (text: string | undefined) => boolean;

/** `regex` must match the whole text. Throws RuleProblem at `path` for a pattern that RE2 refuses. */
export function compileText(match: TextMatch, path: RulePath, patterns: Patterns): TextTest {
  switch (match.op) {
    case "absent":
      return (text) => text === undefined;
    case "exact":
      return (text) => text === match.value;
    case "prefix":
      return (text) => text?.startsWith(match.value) ?? false;
    case "suffix":
      return (text) => text?.endsWith(match.value) ?? false;
    case "contains":
      return (text) => text?.includes(match.value) ?? false;
    case "regex": {
      const pattern = patterns.compile(match.value, path);
      return (text) => text !== undefined && pattern.full(text);
    }
    default:
      return match satisfies never;
  }
}

/** The matcher for people: `"usd"`, `prefix "/v1"`, `absent`. */
export function describeText(match: TextMatch | { readonly op: "template"; readonly value: string }): string {
  if (match.op === "absent") return "absent";
  return match.op === "exact" ? JSON.stringify(match.value) : `${match.op} ${JSON.stringify(match.value)}`;
}

/** Longest text shown of a value in an explanation, in UTF-16 units. */
const maxShown = 200;

/** A value for people, cut where it is long. */
export function describeValue(text: string | undefined): string {
  if (text === undefined) return "absent";
  const shown = JSON.stringify(text.slice(0, maxShown));
  return text.length > maxShown ? `${shown}… (${text.length} characters)` : shown;
}
