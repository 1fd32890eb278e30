// The condition on the path of a request, without its query; percent-encoding is compared as sent.

import type { PathMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import type { Patterns } from "./pattern.ts";
import { compileText } from "./text-match.ts";

/** One segment of a template: literal text, or null for `{name}`. */
export type Segment = string | null;

/** Throws RuleProblem for a path that can never match, a broken template or pattern. */
export function compilePath(match: PathMatch, path: RulePath, patterns: Patterns): (path: string) => boolean {
  if (match.op === "absent") throw new RuleProblem(path, "expected a path; every request has one");
  if (match.op !== "regex" && match.value.includes("?")) {
    throw new RuleProblem(
      path,
      `expected a path without query (there is the key query for it), got ${JSON.stringify(match.value)}`,
    );
  }
  if (match.op !== "template") return compileText(match, path, patterns);
  const segments = templateSegments(match.value, path);
  return (text) => fitsTemplate(segments, text);
}

/** `/users/{id}` as `["users", null]`. Throws RuleProblem where it is no template. */
export function templateSegments(template: string, path: RulePath): readonly Segment[] {
  const problem = (reason: string) =>
    new RuleProblem(
      path,
      `expected a template such as /users/{id}, got ${JSON.stringify(template)}: ${reason}`,
    );
  if (!template.startsWith("/")) throw problem("it does not begin with /");
  return template
    .slice(1)
    .split("/")
    .map((segment) => {
      if (/^\{[^{}]+\}$/.test(segment)) return null;
      if (/[{}]/.test(segment)) throw problem("each {name} stands for one whole segment");
      return segment;
    });
}

/** Each `{name}` stands for one segment that is not empty. */
function fitsTemplate(segments: readonly Segment[], path: string): boolean {
  if (path.charCodeAt(0) !== 47 /* / */) return false;
  let start = 1;
  for (let i = 0; i < segments.length; i++) {
    if (start > path.length) return false;
    const slash = path.indexOf("/", start);
    const end = slash === -1 ? path.length : slash;
    const literal = segments[i];
    if (literal === null ? end === start : !sameSegment(path, start, end, literal ?? "")) return false;
    start = end + 1;
  }
  return start > path.length;
}

function sameSegment(path: string, start: number, end: number, literal: string): boolean {
  return end - start === literal.length && path.startsWith(literal, start);
}
