// Text as users write it, and the matchers on text: a bare string is exact, or one of the operators.

import * as z from "zod";
import type { PathMatch, TextMatch } from "../../../core/rule.ts";
import { across, exactlyOne, mapping } from "./mapping.ts";

/** Text of 1 to `maxChars` characters. */
export function text(expected: string, maxChars = 10_000): z.ZodString {
  return z.string(expected).min(1, expected).max(maxChars, `${expected} of at most ${maxChars} characters`);
}

/** Text where integers and true/false may be written bare: `retry-after: 5`. Other numbers have more than one spelling. */
export const scalarText = z
  .union([z.string(), z.int(), z.boolean()], {
    error: "text (numbers with a fraction, null and lists need quotes or do not belong here)",
  })
  .transform(String);

/** The name of a rule or a state: it becomes a metric label, a key of a store and part of a URL. */
export function nameText(expected: string): z.ZodString {
  return z.string(expected).regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,199}$/, expected);
}

const operators = {
  exact: z.string("text").exactOptional().describe("Equal to this text."),
  prefix: text("text").exactOptional().describe("Begins with this text."),
  suffix: text("text").exactOptional().describe("Ends with this text."),
  regex: text("a regular expression")
    .exactOptional()
    .describe("The whole text matches this regular expression (RE2 syntax, linear time)."),
  contains: text("text").exactOptional().describe("Contains this text."),
  absent: z
    .literal(true, "true")
    .exactOptional()
    .describe("true: the thing is not there. Leave the key out where it does not matter."),
};

const keys = Object.keys(operators);

/** One operator of a written matcher; the check for exactly one has passed before. */
function operatorOf(written: { readonly [op in TextOperator]?: string } & { absent?: true }): TextMatch {
  for (const op of textOperators) {
    const value = written[op];
    if (value !== undefined) return { op, value };
  }
  return { op: "absent" };
}

const textOperators = ["exact", "prefix", "suffix", "regex", "contains"] as const;
type TextOperator = (typeof textOperators)[number];

const matcher = across(mapping(`text, or one of {${keys.join("|")}}`, operators), exactlyOne(keys)).transform(
  operatorOf,
);

/** `qa`, `{prefix: q}`, `{absent: true}`. */
export const textMatch = z
  .union([z.string().transform((value): TextMatch => ({ op: "exact", value })), matcher], {
    error: `text, or one of {${keys.join("|")}}`,
  })
  .meta({ id: "text", description: "Text that must be equal, or one operator." });

/** As `textMatch`, but integers and true/false may stand bare: for values of headers, query fields, cookies, baggage. */
export const scalarMatch = z
  .union([scalarText.transform((value): TextMatch => ({ op: "exact", value })), matcher], {
    error: `text, or one of {${keys.join("|")}}`,
  })
  .meta({ id: "value", description: "Text that must be equal, or one operator." });

const slashed = (expected: string) =>
  z.string(expected).regex(/^\/[^?#]*$/, `${expected}, without query (there is the key "query" for that)`);
const wholePath = z
  .string("a path that begins with /")
  .regex(/^(?:\/[^?#]*|\*)$/, 'a path that begins with /, without query (there is the key "query" for that)');
const template = z
  .string("a path template such as /users/{id}")
  .regex(
    /^(?:\/(?:[^/{}?#]*|\{[A-Za-z_][A-Za-z0-9_-]*\}))+$/,
    "a path template such as /users/{id}, where each {name} is a whole segment",
  );

const pathOperators = {
  ...operators,
  exact: wholePath.exactOptional().describe("Equal to this path."),
  prefix: slashed("a path that begins with /").exactOptional().describe("Begins with this path."),
  template: template.exactOptional().describe("`/users/{id}`: each {name} stands for one segment."),
};
const pathKeys = Object.keys(pathOperators);

const pathMatcher = across(
  mapping(`a path, or one of {${pathKeys.join("|")}}`, pathOperators),
  exactlyOne(pathKeys),
).transform(
  (written): PathMatch =>
    written.template === undefined ? operatorOf(written) : { op: "template", value: written.template },
);

/** `/v1/charges`, `{prefix: /v1}`, `{template: "/users/{id}"}`. */
export const pathMatch = z.union(
  [wholePath.transform((value): PathMatch => ({ op: "exact", value })), pathMatcher],
  { error: `a path, or one of {${pathKeys.join("|")}}` },
);
