// JSONPath queries of rules (RFC 9535), with match() and search() on the linear-time engine.

import { createRequire } from "node:module";
import type { JSONPathEnvironment, JSONPathQuery, JSONValue } from "json-p3";
import { messageOf } from "../../core/errors.ts";
import type { JsonPathTest } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { jsonEqual } from "./json-equal.ts";
import { type Pattern, Patterns } from "./pattern.ts";

/** The library is loaded with the first query: it takes 10 MB, and most rule sets have none. */
const load = createRequire(import.meta.url);

const maxExpressionLength = 4_096;
/** Depth to which `..` descends into a body. */
const maxDepth = 200;
/** Patterns that come out of a body (`match(@.a, $.pattern)`) and are kept compiled at once. */
const maxPatterns = 64;

/** Makes one environment per rule set: queries share it. */
export function jsonPathEnvironment(): JSONPathEnvironment {
  const { FunctionExpressionType, JSONPathEnvironment: Environment } = load(
    "json-p3",
  ) as typeof import("json-p3");
  const environment = new Environment({ maxRecursionDepth: maxDepth });
  for (const name of ["match", "search"] as const) {
    environment.functionRegister.set(name, {
      argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
      returnType: FunctionExpressionType.LogicalType,
      call: regexFunction(name === "match" ? "full" : "search"),
    });
  }
  return environment;
}

/** Whether any value that the query selects passes. Throws RuleProblem at `path` for a bad query or pattern. */
export function compileJsonPath(
  expression: string,
  test: JsonPathTest | null,
  path: RulePath,
  environment: JSONPathEnvironment,
  patterns: Patterns,
): (json: unknown) => boolean {
  const query = compileQuery(expression, path, environment);
  // Parsed JSON is a JSONValue.
  const select = (json: unknown) => query.lazyQuery(json as JSONValue);
  if (test === null) return (json) => select(json).next().done !== true;
  if (test.op === "absent") return (json) => select(json).next().done === true;
  const passes = compileTest(test, path, patterns);
  return (json) => {
    for (const node of select(json)) if (passes(node.value)) return true;
    return false;
  };
}

function compileQuery(expression: string, path: RulePath, environment: JSONPathEnvironment): JSONPathQuery {
  const expected = "expected a JSONPath query such as $.items[0].price (RFC 9535)";
  if (expression.length > maxExpressionLength) {
    throw new RuleProblem(
      path,
      `${expected}, at most ${maxExpressionLength} characters, got ${expression.length}`,
    );
  }
  try {
    return environment.compile(expression);
  } catch (cause) {
    throw new RuleProblem(path, `${expected}, got ${JSON.stringify(expression)}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

type ValueTest = Exclude<JsonPathTest, { readonly op: "absent" }>;

function compileTest(test: ValueTest, path: RulePath, patterns: Patterns): (value: unknown) => boolean {
  switch (test.op) {
    case "equalTo":
      return (value) => value === test.value;
    case "contains":
      return (value) => scalarText(value)?.includes(test.value) ?? false;
    case "matches": {
      const pattern = patterns.compile(test.value, [...path, "matches"]);
      return (value) => {
        const text = scalarText(value);
        return text !== undefined && pattern.full(text);
      };
    }
    case "greaterThan":
      return (value) => typeof value === "number" && value > test.value;
    case "lessThan":
      return (value) => typeof value === "number" && value < test.value;
    case "greaterThanOrEqual":
      return (value) => typeof value === "number" && value >= test.value;
    case "lessThanOrEqual":
      return (value) => typeof value === "number" && value <= test.value;
    case "equalToJson":
      return (value) => jsonEqual(test.value, value, test);
    default:
      return test satisfies never;
  }
}

/** Text tests see a number or a truth value as JSON writes it; objects, arrays and null have no text. */
function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

/** RFC 9535 §2.4.6 and §2.4.7: false, not an error, where an argument is no string or the pattern is not understood. */
function regexFunction(how: keyof Pattern): (...args: unknown[]) => boolean {
  let patterns = new Patterns();
  let count = 0;
  return (text, pattern) => {
    if (typeof text !== "string" || typeof pattern !== "string") return false;
    if (++count > maxPatterns) {
      patterns = new Patterns();
      count = 1;
    }
    try {
      return patterns.compile(pattern, [])[how](text);
    } catch {
      return false;
    }
  };
}
