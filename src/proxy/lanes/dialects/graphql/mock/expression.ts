// `expression`: a value worked out in the Common Expression Language (https://cel.dev). It can neither loop without end nor
// reach anything but what it is given.

import { createRequire } from "node:module";
import type { ASTNode } from "@marcbachmann/cel-js";
import { messageOf } from "../../../../../core/errors.ts";
import { type RulePath, RuleProblem } from "../../../../../core/rule-problem.ts";
import type { View } from "./resolve.ts";

/** The library is loaded with the first expression: it takes 9 MB, and most rule sets have none. */
const load = createRequire(import.meta.url);

const variables = ["args", "variables", "state", "headers"] as const;

/**
 * Compiles an expression over `args`, `parent`, `variables`, `state` and `headers`. Whole numbers are ints there, all
 * others doubles. Throws RuleProblem at `path`; what it returns throws where the expression fails.
 */
export function compileExpression(source: string, path: RulePath): (view: View) => unknown {
  const cel = load("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
  const environment = new cel.Environment({
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 2_000, maxDepth: 50, maxListElements: 1_000, maxMapEntries: 200 },
  });
  for (const name of variables) environment.registerVariable(name, "map");
  environment.registerVariable("parent", "dyn");
  try {
    const parsed = environment.parse(source);
    const { valid, error } = parsed.check();
    if (!valid) throw error ?? new Error("it has no type");
    if (usesMatches(parsed.ast))
      throw new Error("matches is not supported here; contains and startsWith are");
    return (view) => fromCel(parsed(toCel({ ...view })));
  } catch (cause) {
    const reason = messageOf(cause).split("\n")[0];
    throw new RuleProblem(path, `expected a CEL expression, got ${JSON.stringify(source)}: ${reason}`, {
      cause,
    });
  }
}

/** The library's own `matches` runs on the backtracking engine, which a request could keep busy. */
function usesMatches(node: unknown): boolean {
  if (Array.isArray(node)) return node.some((one) => one === "matches" || usesMatches(one));
  return isNode(node) && usesMatches(node.args);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

function toCel(value: unknown): Record<string, unknown> {
  return converted(value, (one) =>
    typeof one === "number" && Number.isSafeInteger(one) ? BigInt(one) : one,
  ) as Record<string, unknown>; // an object stays one
}

function fromCel(value: unknown): unknown {
  return converted(value, (one) => {
    if (typeof one !== "bigint") return one;
    return Number.isSafeInteger(Number(one)) ? Number(one) : String(one);
  });
}

function converted(value: unknown, leaf: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => converted(item, leaf));
  if (value instanceof Map) return converted(Object.fromEntries(value), leaf);
  if (typeof value !== "object" || value === null) return leaf(value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, converted(one, leaf)]));
}
