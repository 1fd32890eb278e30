// Conditions on the payload of a request: text, JSON, JSONPath, JSON Schema, joined by and, or, not.

import type { JSONPathEnvironment } from "json-p3";
import type { BodyMatch } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import { type Call, notJson } from "./call.ts";
import { jsonEqual } from "./json-equal.ts";
import { compileJsonPath, jsonPathEnvironment } from "./json-path.ts";
import { Schemas } from "./json-schema.ts";
import type { Key } from "./key.ts";
import { Patterns } from "./pattern.ts";
import { describeValue } from "./text-match.ts";

/** What the body conditions of one rule set share. */
export class BodyTools {
  readonly patterns: Patterns;
  readonly schemas = new Schemas();
  #jsonPath: JSONPathEnvironment | null = null;

  constructor(patterns: Patterns) {
    this.patterns = patterns;
  }

  get jsonPath(): JSONPathEnvironment {
    this.#jsonPath ??= jsonPathEnvironment();
    return this.#jsonPath;
  }
}

/**
 * The body key of one match. Nothing holds of a body that is too large to be held, not even `not`.
 * A JSON condition does not hold of what is not JSON. Throws RuleProblem.
 */
export function bodyKey(match: BodyMatch, path: RulePath, tools: BodyTools): Key {
  const holds = compileBody(match, path, tools);
  return {
    name: "body",
    anchor: null,
    test(call) {
      if (call.body === null) return false;
      try {
        return holds(call);
      } catch {
        return false; // a body nested deeper than the stack is nothing that a rule describes
      }
    },
    expected: () => describeBody(match),
    actual: (call) =>
      call.body === null ? "no body, or one too large to be held" : describeValue(call.text),
  };
}

const noBytes = new Uint8Array(0);

/** A condition of its own on a JSON value that is no body: variables of an operation. Throws RuleProblem. */
export function compileJsonTest(match: BodyMatch, path: RulePath): (value: unknown) => boolean {
  const holds = compileBody(match, path, new BodyTools(new Patterns()));
  return (value) => {
    try {
      return holds({
        body: null,
        json: value,
        get text() {
          return JSON.stringify(value) ?? "";
        },
      });
    } catch {
      return false; // as for a body
    }
  };
}

type BodyTest = (payload: Pick<Call, "text" | "json" | "body">) => boolean;

function compileBody(match: BodyMatch, path: RulePath, tools: BodyTools): BodyTest {
  const place = [...path, match.op];
  switch (match.op) {
    case "and": {
      const tests = match.of.map((item, i) => compileBody(item, [...place, i], tools));
      return (call) => tests.every((test) => test(call));
    }
    case "or": {
      const tests = match.of.map((item, i) => compileBody(item, [...place, i], tools));
      return (call) => tests.some((test) => test(call));
    }
    case "not": {
      const test = compileBody(match.of, place, tools);
      return (call) => !test(call);
    }
    case "equalTo":
      return (call) => call.text === match.value;
    case "contains":
      return (call) => call.text.includes(match.value);
    case "matches": {
      // The whole body, as WireMock has it; `.` does not match a line break unless the pattern says (?s).
      const pattern = tools.patterns.compile(match.value, place);
      return (call) => pattern.full(call.text);
    }
    case "binaryPrefix":
      return (call) =>
        Buffer.from(match.value).equals((call.body ?? noBytes).subarray(0, match.value.length));
    case "equalToJson":
      return ofJson((json) => jsonEqual(match.value, json, match));
    case "matchesJsonPath":
      return ofJson(compileJsonPath(match.expression, match.test, place, tools.jsonPath, tools.patterns));
    case "matchesJsonSchema":
      return ofJson(tools.schemas.compile(match.schema, place));
    default:
      return match satisfies never;
  }
}

function ofJson(test: (json: unknown) => boolean): BodyTest {
  return (call) => {
    const json = call.json;
    return json !== notJson && test(json);
  };
}

function describeBody(match: BodyMatch): string {
  switch (match.op) {
    case "and":
    case "or":
      return match.of.map((item) => `(${describeBody(item)})`).join(` ${match.op} `);
    case "not":
      return `not (${describeBody(match.of)})`;
    case "matchesJsonPath":
      return `matchesJsonPath ${match.expression}${match.test === null ? "" : ` ${describeTest(match.test)}`}`;
    case "matchesJsonSchema":
      return `matchesJsonSchema ${describeValue(JSON.stringify(match.schema))}`;
    case "binaryPrefix":
      return `binaryPrefix ${Buffer.from(match.value).toString("base64")}`;
    case "equalToJson":
      return `equalToJson ${JSON.stringify(match.value)}`;
    default:
      return `${match.op} ${JSON.stringify(match.value)}`;
  }
}

function describeTest(test: { readonly op: string; readonly value?: unknown }): string {
  return test.value === undefined ? test.op : `${test.op} ${JSON.stringify(test.value)}`;
}
