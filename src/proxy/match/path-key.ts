// The condition on the path of a request, without its query; percent-encoding is compared as sent.

import type { PathMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import type { Call } from "./call.ts";
import type { Anchor, Key } from "./key.ts";
import { fitsTemplate, templateSegments } from "./path-template.ts";
import { literalPrefix, type Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue } from "./text-match.ts";

export class PathKey implements Key {
  readonly name = "path";
  readonly anchor: Anchor | null;
  readonly #match: PathMatch;
  readonly #test: (path: string) => boolean;

  /** Throws RuleProblem for a path that can never match, a broken template or pattern. */
  constructor(match: PathMatch, path: RulePath, patterns: Patterns) {
    this.#match = match;
    this.#test = compilePath(match, path, patterns);
    this.anchor = anchorOf(match);
  }

  test(call: Call): boolean {
    return this.#test(call.path);
  }

  expected(): string {
    return describeText(this.#match);
  }

  actual(call: Call): string {
    return describeValue(call.path);
  }
}

function compilePath(match: PathMatch, path: RulePath, patterns: Patterns): (path: string) => boolean {
  if (match.op === "absent") throw new RuleProblem(path, "expected a path; every request has one");
  if (match.op !== "regex" && match.value.includes("?")) {
    const value = JSON.stringify(match.value);
    throw new RuleProblem(
      path,
      `expected a path without query (there is the key query for it), got ${value}`,
    );
  }
  if (match.op !== "template") return compileText(match, path, patterns);
  const segments = templateSegments(match.value, path);
  return (text) => fitsTemplate(segments, text);
}

function anchorOf(match: PathMatch): Anchor | null {
  switch (match.op) {
    case "exact":
      return { dimension: "path", value: match.value, settles: true };
    case "template":
      return { dimension: "path-template", value: match.value, settles: false };
    case "prefix":
      return prefixAnchor(match.value, true);
    case "regex":
      return prefixAnchor(literalPrefix(match.value), false);
    default:
      return null;
  }
}

function prefixAnchor(prefix: string, settles: boolean): Anchor | null {
  return prefix === "" ? null : { dimension: "path-prefix", value: prefix, settles };
}
