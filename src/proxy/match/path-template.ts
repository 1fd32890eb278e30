// Path templates: `/users/{id}`, where each `{name}` stands for one whole segment that is not empty.

import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";

/** One segment of a template: literal text, or null for `{name}`. */
export type Segment = string | null;

/** `/users/{id}` as `["users", null]`. Throws RuleProblem at `path` where it is no template. */
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

export function fitsTemplate(segments: readonly Segment[], path: string): boolean {
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
