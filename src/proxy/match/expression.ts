// `expr`: a condition in the Common Expression Language (https://cel.dev), for what the other keys cannot say.

import { createRequire } from "node:module";
import type { ASTNode, Environment, ParseResult } from "@marcbachmann/cel-js";
import { formatHostPort } from "../../core/address.ts";
import { messageOf } from "../../core/errors.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { type Call, notJson, type Pairs } from "./call.ts";
import type { Key } from "./key.ts";
import type { Patterns } from "./pattern.ts";

/** The library is loaded with the first expression: it takes 9 MB, and most rule sets have none. */
const load = createRequire(import.meta.url);

const maxExpressionLength = 4_096;

export interface Expression extends Key {
  /** Whether it may read `request.body` or `request.json`. */
  readonly readsBody: boolean;
}

/**
 * Compiles the expressions of one rule set. They see
 *
 * - `request`: method, scheme, host (lower case, no port), authority, path (no query), query and cookies (first value by
 *   name), headers (joined value by lower-case name), body (text), json (absent where the body is none);
 * - `connection`: direction, destination and downstream (`host:port`; destination is "" where nobody was named).
 *
 * Numbers in `json` are doubles, as CEL has it. `matches` searches, on the linear-time engine, a pattern written out in
 * the expression. An error while evaluating (a missing key, unlike types) means that the expression does not hold.
 */
export class Expressions {
  readonly #patterns: Patterns;
  #environment: Environment | null = null;

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
  }

  /** Throws RuleProblem at `path`. */
  compile(source: string, path: RulePath): Expression {
    const expected = "expected a CEL expression that yields a bool";
    if (source.length > maxExpressionLength) {
      throw new RuleProblem(
        path,
        `${expected}, at most ${maxExpressionLength} characters, got ${source.length}`,
      );
    }
    const parsed = this.#parse(source, path, expected);
    const readsBody = mayReadBody(parsed.ast);
    return {
      name: "expr",
      anchor: null,
      readsBody,
      test(call) {
        if (readsBody && call.body === null) return false;
        try {
          return parsed(viewOf(call)) === true;
        } catch {
          return false; // CEL: an error is not true
        }
      },
      expected: () => source,
      actual: (call) => outcomeOf(parsed, call, readsBody),
    };
  }

  #parse(source: string, path: RulePath, expected: string): ParseResult {
    try {
      this.#environment ??= celEnvironment(this.#patterns);
      const parsed = this.#environment.parse(source);
      const { valid, type, error } = parsed.check();
      if (!valid) throw error ?? new Error("it has no type");
      if (type !== "bool" && type !== "dyn") throw new Error(`it yields ${type}`);
      return parsed;
    } catch (cause) {
      throw new RuleProblem(path, `${expected}, got ${JSON.stringify(source)}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }
}

/** Carries our `matches` beside the library's own, which runs on the backtracking engine. */
class PatternReceiver {}

function celEnvironment(patterns: Patterns): Environment {
  const cel = load("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
  return (
    new cel.Environment({
      homogeneousAggregateLiterals: false,
      limits: { maxAstNodes: 2_000, maxDepth: 50, maxListElements: 1_000, maxMapEntries: 200 },
    })
      .registerVariable("request", "map")
      .registerVariable("connection", "map")
      .registerType("PatternReceiver", PatternReceiver)
      // A macro is chosen by name and number of arguments alone, so this one takes every call of `x.matches(y)`.
      .registerFunction("PatternReceiver.matches(ast): bool", (call: MatchesCall) =>
        linearMatches(call, patterns),
      )
  );
}

/** The part of the library's macro protocol that is used here; it is documented but not typed. */
interface MatchesCall {
  readonly receiver: ASTNode;
  readonly args: readonly ASTNode[];
}
interface Checker {
  check(node: ASTNode, context: unknown): { toString(): string };
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

function linearMatches({ receiver, args }: MatchesCall, patterns: Patterns): object {
  const source = args[0]?.op === "value" ? args[0].args : undefined;
  if (typeof source !== "string") throw new Error("matches: expected a pattern written out as a string");
  const pattern = patterns.compile(source, []);
  return {
    async: false,
    typeCheck(checker: Checker, _macro: unknown, context: unknown) {
      const type = String(checker.check(receiver, context));
      if (!/^(?:string|dyn)/.test(type)) throw new Error(`matches: expected a string before it, got ${type}`);
      return checker.getType("bool");
    },
    evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
      const text = evaluator.run(receiver, context);
      if (typeof text !== "string")
        throw new Error(`matches: expected a string before it, got ${typeof text}`);
      return pattern.search(text);
    },
  };
}

const fieldsOfHead = new Set([
  "method",
  "scheme",
  "host",
  "authority",
  "path",
  "query",
  "headers",
  "cookies",
]);

/**
 * Anything but `request.FIELD` and `request["FIELD"]` with a field of the head counts as reading the body: an expression
 * may pass `request` on whole, or compute the name of the field.
 */
function mayReadBody(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(mayReadBody);
  if (!isNode(node)) return false;
  if (node.op === "id") return node.args === "request";
  if ((node.op === "." || node.op === "[]") && isNode(node.args[0])) {
    const [receiver, field] = node.args;
    if (receiver.op === "id" && receiver.args === "request") {
      const name = typeof field === "string" ? field : field.op === "value" ? field.args : undefined;
      return !fieldsOfHead.has(String(name));
    }
  }
  return mayReadBody(node.args);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

/** Made once a call, and only when an expression is reached. */
function viewOf(call: Call): Record<string, unknown> {
  call.view ??= {
    request: {
      method: call.head.method,
      scheme: call.head.scheme,
      host: call.host,
      authority: call.authority,
      path: call.path,
      query: firstByName(call.query),
      headers: headersByName(call),
      cookies: firstByName(call.cookies),
      ...(call.body === null ? {} : { body: call.text }),
      ...(call.body === null || call.json === notJson ? {} : { json: call.json }),
    },
    connection: {
      direction: call.connection.direction,
      destination: call.connection.originalDestination
        ? formatHostPort(call.connection.originalDestination)
        : "",
      downstream: formatHostPort(call.connection.downstream),
    },
  };
  return call.view;
}

function firstByName(pairs: Pairs): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name, value] of pairs) if (!map.has(name)) map.set(name, value);
  return map;
}

function headersByName(call: Call): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name] of call.head.headers) {
    const lower = name.toLowerCase();
    const value = map.has(lower) ? undefined : call.head.header(lower);
    if (value !== undefined) map.set(lower, value);
  }
  return map;
}

function outcomeOf(parsed: ParseResult, call: Call, readsBody: boolean): string {
  if (readsBody && call.body === null) return "no body, or one too large to be held";
  try {
    return String(parsed(viewOf(call)));
  } catch (error) {
    return `error: ${reasonOf(error)}`;
  }
}

/** The library's messages draw the source under the first line. */
function reasonOf(error: unknown): string {
  return messageOf(error).split("\n")[0] ?? "";
}
