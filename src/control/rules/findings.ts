// From what the schema reports to what a person reads: one finding a line, with the path and what stood there.

import type { z } from "zod";
import type { RulePath } from "../../core/rule-problem.ts";
import { printValue } from "./print-value.ts";
import type { KeyPlaces } from "./schema/key-places.ts";
import { isMapping, namesNear, notSupportedYet } from "./schema/mapping.ts";

/** `at`: whether the mistake is the key itself or what it holds; decides which line is shown. */
export interface Finding {
  readonly path: RulePath;
  readonly at: "key" | "value";
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** What was expected, where the schema itself does not say. */
const byType: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
  nonoptional: "a value",
};

/** The expectation behind an issue that carries none of its own. */
export function expectationOf(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") return byType[String(issue.expected)] ?? String(issue.expected);
  if (issue.code === "invalid_value") return (issue.values as readonly unknown[]).map(String).join(" or ");
  return "a valid value";
}

/** Where keys of the format belong. */
export type Elsewhere = Pick<KeyPlaces, "meant">;

/** Every finding in the issues, unions resolved to the branch that the writer most likely meant. */
export function findingsIn(
  issues: readonly Issue[],
  elsewhere: Elsewhere,
  root: RulePath = [],
): readonly Finding[] {
  const withUnknown = new Set(issues.filter((issue) => namesUnknown(issue)).map((issue) => holder(issue)));
  return issues
    .filter((issue) => !(isLack(issue) && withUnknown.has(JSON.stringify(issue.path))))
    .flatMap((issue) => findingsOf(issue, [...root, ...issue.path.map(stepOf)], elsewhere));
}

function findingsOf(issue: Issue, path: RulePath, elsewhere: Elsewhere): readonly Finding[] {
  switch (issue.code) {
    case "unrecognized_keys":
      return unknownKeys(issue, path, elsewhere);
    case "invalid_union":
      return union(issue, path, elsewhere);
    case "invalid_key":
      return [{ path, at: "key", message: keyMessage(issue.issues[0]?.message, path.at(-1)) }];
    case "custom":
      return [{ path, at: "value", message: isExpectation(issue) ? composed(issue) : issue.message }];
    default:
      return issue.message === notSupportedYet
        ? [{ path, at: "key", message: notSupportedYet }]
        : [{ path, at: "value", message: composed(issue) }];
  }
}

function stepOf(step: PropertyKey): string | number {
  return typeof step === "number" ? step : String(step);
}

function keyMessage(expected: string | undefined, key: unknown): string {
  return `expected ${expected ?? "another key"}, got ${printValue(key)}`;
}

/** The schema joins one message a key by line breaks, in the order of the keys. */
function unknownKeys(
  { keys, message, input }: Issue & { readonly code: "unrecognized_keys" },
  path: RulePath,
  elsewhere: Elsewhere,
): readonly Finding[] {
  const lines = message.split("\n");
  return keys.map((key, index) => {
    const line = lines[index] ?? "unknown key";
    const meant = elsewhere.meant(key, path, isMapping(input) ? input[key] : undefined);
    const isPlace = meant !== undefined && (meant.sure || !namesNear(line));
    const hint = isPlace ? `unknown key ${printValue(key)} here, did you mean ${meant.text}?` : line;
    return { path: [...path, key], at: "key", message: hint };
  });
}

function namesUnknown(issue: Issue): boolean {
  return issue.code === "unrecognized_keys" || issue.message === notSupportedYet;
}

/** The path of the mapping that holds the unknown key. */
function holder(issue: Issue): string {
  return JSON.stringify(issue.code === "unrecognized_keys" ? issue.path : issue.path.slice(0, -1));
}

function isLack(issue: Issue): boolean {
  return issue.code === "custom" && issue.params?.lack === true;
}

function isExpectation(issue: Issue): boolean {
  return issue.code === "custom" && issue.params?.expectation === true;
}

function composed(issue: Issue, input = issue.input): string {
  const textWanted = issue.code === "invalid_type" && issue.expected === "string";
  const listWanted = issue.code === "invalid_type" && issue.expected === "array" && isMapping(input);
  const hint = textWanted ? quotesHint(input) : listWanted ? ' (an item of a list begins with "- ")' : "";
  return `expected ${issue.message}, got ${printValue(input)}${hint}`;
}

function quotesHint(input: unknown): string {
  if (typeof input === "number") return " (text that looks like a number needs quotes)";
  return typeof input === "boolean" ? " (text that looks like true or false needs quotes)" : "";
}

function union(
  issue: Issue & { readonly code: "invalid_union" },
  path: RulePath,
  elsewhere: Elsewhere,
): readonly Finding[] {
  const branches = issue.errors.filter((errors) => !errors.some(isWrongKind));
  const likeliest = branches.sort((a, b) => a.length - b.length)[0];
  if (likeliest !== undefined) return findingsIn(likeliest, elsewhere, path);
  const { discriminator, input } = issue;
  // A discriminator that names no branch: the path already ends in it, the input is still the whole mapping.
  const got = discriminator !== undefined && isMapping(input) ? input[discriminator] : input;
  return [{ path, at: "value", message: composed(issue, got) }];
}

/** The branch wanted another kind of thing altogether: a list where a mapping stands. */
function isWrongKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") return issue.errors.every((errors) => errors.some(isWrongKind));
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}
