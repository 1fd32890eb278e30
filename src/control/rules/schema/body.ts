// Operators on the body of a request, named as WireMock names them. A list means AND; and, or, not nest.

import * as z from "zod";
import type { BodyMatch, JsonPathTest } from "../../../core/rule.ts";
import { across, type Complain, exactlyOne, mapping, type Written } from "./mapping.ts";
import { text } from "./text.ts";

const flags = {
  ignoreArrayOrder: z
    .boolean("true or false")
    .exactOptional()
    .describe("equalToJson: the order of lists does not count."),
  ignoreExtraElements: z
    .boolean("true or false")
    .exactOptional()
    .describe("equalToJson: the body may have more keys and items."),
};

function flagsNeedJson(written: Written, complain: Complain): void {
  for (const flag of Object.keys(flags))
    if (flag in written && !("equalToJson" in written))
      complain("only means something next to equalToJson", flag);
}

const tests = {
  equalTo: z
    .union([z.string(), z.number(), z.boolean(), z.null()], "text, a number, true, false or null")
    .exactOptional()
    .describe("A selected value is equal to this one."),
  contains: text("text").exactOptional().describe("A selected text contains this text."),
  matches: text("a regular expression")
    .exactOptional()
    .describe("A selected text matches this regular expression as a whole."),
  greaterThan: z.number("a number").exactOptional().describe("A selected number is greater."),
  lessThan: z.number("a number").exactOptional().describe("A selected number is less."),
  greaterThanOrEqual: z.number("a number").exactOptional().describe("A selected number is greater or equal."),
  lessThanOrEqual: z.number("a number").exactOptional().describe("A selected number is less or equal."),
  equalToJson: z.unknown().exactOptional().describe("A selected value is equal to this JSON value."),
  absent: z.literal(true, "true").exactOptional().describe("true: the path selects nothing."),
};
const testKeys = Object.keys(tests);

const jsonPath = across(
  mapping("a JSONPath such as $.amount, or {expression: $.amount, …}", {
    expression: text("a JSONPath such as $.amount").describe("JSONPath (RFC 9535) into the body."),
    ...tests,
    ...flags,
  }),
  (written, complain, lacks) => {
    if (testKeys.some((key) => key in written)) exactlyOne(testKeys)(written, complain, lacks);
    flagsNeedJson(written, complain);
  },
).transform((written) => ({ expression: written.expression, test: testOf(written) }));

type WrittenTest = { readonly [K in keyof typeof tests | keyof typeof flags]?: unknown };

/** The one test among the keys. The schema has checked each value, so the casts only repeat what it proved. */
function testOf(written: WrittenTest): JsonPathTest | null {
  const op = testKeys.find((key) => key in written) as keyof typeof tests | undefined;
  switch (op) {
    case undefined:
      return null;
    case "absent":
      return { op };
    case "equalTo":
      return { op, value: written[op] as string | number | boolean | null };
    case "contains":
    case "matches":
      return { op, value: written[op] as string };
    case "equalToJson":
      return { op, value: written[op], ...flagsOf(written) };
    default:
      return { op, value: written[op] as number };
  }
}

function flagsOf(written: WrittenTest): { ignoreArrayOrder: boolean; ignoreExtraElements: boolean } {
  return {
    ignoreArrayOrder: written.ignoreArrayOrder === true,
    ignoreExtraElements: written.ignoreExtraElements === true,
  };
}

/** One body key: an operator, or a list of them that must all hold. */
export const body: z.ZodType<BodyMatch> = z.lazy(() => bodyUnion).meta({ id: "body" });

const several = z
  .array(body, "a list of body operators")
  .min(1, "at least one body operator")
  .max(100, "at most 100 body operators");

const operators = {
  equalTo: z.string("text").exactOptional().describe("The body is this text."),
  contains: text("text").exactOptional().describe("The body contains this text."),
  matches: text("a regular expression")
    .exactOptional()
    .describe("The whole body matches this regular expression (RE2 syntax)."),
  binaryPrefix: z
    .base64({ error: "bytes in base64", abort: true })
    .min(4, "bytes in base64")
    .transform((encoded) => new Uint8Array(Buffer.from(encoded, "base64")))
    .exactOptional()
    .describe("The body begins with these bytes, in base64. A message must be binary."),
  equalToJson: z.unknown().exactOptional().describe("The body is JSON equal to this value."),
  matchesJsonPath: z
    .union(
      [text("a JSONPath such as $.amount").transform((expression) => ({ expression, test: null })), jsonPath],
      { error: "a JSONPath such as $.amount, or {expression: $.amount, …}" },
    )
    .exactOptional()
    .describe("A JSONPath that selects something, or whose selection passes a test."),
  matchesJsonSchema: z
    .union([z.record(z.string(), z.unknown()), z.boolean()], { error: "a JSON Schema (a mapping)" })
    .exactOptional()
    .describe("The body is JSON that is valid under this JSON Schema."),
  and: several.exactOptional().describe("All of these hold."),
  or: several.exactOptional().describe("At least one of these holds."),
  not: body.exactOptional().describe("This does not hold."),
};
const keys = Object.keys(operators);

const operator = across(
  mapping("a body operator such as {contains: text}", { ...operators, ...flags }),
  (written, complain, lacks) => {
    exactlyOne(keys)(written, complain, lacks);
    flagsNeedJson(written, complain);
  },
).transform((written): BodyMatch => {
  if (written.and !== undefined) return { op: "and", of: written.and };
  if (written.or !== undefined) return { op: "or", of: written.or };
  if (written.not !== undefined) return { op: "not", of: written.not };
  if (written.equalTo !== undefined) return { op: "equalTo", value: written.equalTo };
  if (written.contains !== undefined) return { op: "contains", value: written.contains };
  if (written.matches !== undefined) return { op: "matches", value: written.matches };
  if (written.binaryPrefix !== undefined) return { op: "binaryPrefix", value: written.binaryPrefix };
  if (written.matchesJsonPath !== undefined) return { op: "matchesJsonPath", ...written.matchesJsonPath };
  if (written.matchesJsonSchema !== undefined)
    return { op: "matchesJsonSchema", schema: written.matchesJsonSchema };
  return { op: "equalToJson", value: written.equalToJson, ...flagsOf(written) };
});

const bodyUnion = z.union([operator, several.transform((of): BodyMatch => ({ op: "and", of }))], {
  error: "a body operator such as {contains: text}, or a list of them",
});
