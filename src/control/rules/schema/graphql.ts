// The GraphQL keys of a rule: which operations it claims, and which fields of a real answer it changes.

import * as z from "zod";
import type {
  GraphqlLimits,
  GraphqlMatch,
  GraphqlOverlayField,
  GraphqlOverlaySpec,
} from "../../../core/rule-graphql.ts";
import { delay } from "./delay.ts";
import { across, atMostOne, type Complain, mapping, type Written } from "./mapping.ts";
import { text, textMatch } from "./text.ts";

/** The path of a schema. */
export const schemaFile = text("the path of a schema in SDL, or of an introspection in JSON", 4_096)
  .regex(/^[^\0]*$/, "the path of a schema in SDL, or of an introspection in JSON")
  .describe(
    "A schema in SDL, or the JSON of an introspection; a relative path starts at the folder of the rules file.",
  );

const coordinateExpected = "a field such as user.email or User.email";
const coordinatePattern = /^[_A-Za-z][_0-9A-Za-z]*(?:\.[_A-Za-z][_0-9A-Za-z]*)*$/;
/** A field by its path or by its type, or a type. */
export const coordinate = z
  .string(coordinateExpected)
  .max(1_000)
  .regex(coordinatePattern, coordinateExpected);

/** A whole number from 0. */
export const count = (expected: string) => z.int(expected).min(0, expected).max(1_000_000_000, expected);

const range = mapping("a mapping {greaterThan, lessThan}", {
  greaterThan: count("a whole number from 0").exactOptional().describe("It is greater."),
  lessThan: count("a whole number from 0").exactOptional().describe("It is less."),
}).transform((written) => ({ greaterThan: written.greaterThan ?? null, lessThan: written.lessThan ?? null }));

/** `graphql` of a selection; `variables` stands beside it. */
export const graphqlMatch = mapping("a mapping of keys such as operation, type, field", {
  operation: textMatch.exactOptional().describe("Name of the operation."),
  type: z
    .enum(["query", "mutation", "subscription"], "query, mutation or subscription")
    .exactOptional()
    .describe("Kind of the operation."),
  field: z
    .union([coordinate.transform((one) => [one]), z.array(coordinate).min(1).max(100)], {
      error: `${coordinateExpected}, or a list of them`,
    })
    .exactOptional()
    .describe(
      "Selected fields: user.email from the root; User.email or User need schema. A list: all of them.",
    ),
  schema: schemaFile.exactOptional(),
  depth: range.exactOptional().describe("Fields inside one another."),
  complexity: range
    .exactOptional()
    .describe("Fields, those below first, last or limit as often as these say."),
}).transform(({ field, ...written }): GraphqlMatch => ({ ...written, ...(field ? { fields: field } : {}) }));

const limit = count("a whole number from 0").exactOptional();
/** Guards; each that is left out is none. */
export const limits = mapping("a mapping of limits such as depth, complexity", {
  depth: limit.describe("Fields inside one another."),
  complexity: limit.describe("Fields, those below first, last or limit as often as these say."),
  aliases: limit.describe("Fields with an alias."),
  tokens: limit.describe("Lexical tokens of the document."),
  batch: limit.describe("Operations of one batch."),
}).transform(
  (written): GraphqlLimits => ({
    depth: written.depth ?? null,
    complexity: written.complexity ?? null,
    aliases: written.aliases ?? null,
    tokens: written.tokens ?? null,
    batch: written.batch ?? null,
  }),
);
/** No guards. */
export const unlimited: GraphqlLimits = {
  depth: null,
  complexity: null,
  aliases: null,
  tokens: null,
  batch: null,
};

/** An error of a field: its message, or more. */
export const error = z
  .union(
    [
      text("the message of an error").transform((message) => ({ message, extensions: null })),
      mapping("a message, or {message, extensions}", {
        message: text("the message of an error").describe("What the error says."),
        extensions: z.record(z.string(), z.unknown(), "a mapping").exactOptional().describe("More about it."),
      }).transform((written) => ({ message: written.message, extensions: written.extensions ?? null })),
    ],
    { error: "a message, or {message, extensions}" },
  )
  .describe("The field ends in this error.");

/** Anything that is no mapping stands for itself. */
export const plainValue = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.unknown())], {
  error: "a value, or a mapping of keys such as value, error, delay",
});

const overlayField = z.union(
  [
    across(
      mapping("a value, or a mapping {value, error, delay}", {
        value: z
          .unknown()
          .exactOptional()
          .describe("The value of the field; a mapping has to be written here."),
        error: error.exactOptional(),
        delay: delay.exactOptional().describe("Time by which the answer is held back."),
      }),
      (written, complain, lacks) => {
        atMostOne(["value", "error"], written, complain);
        if (Object.keys(written).length === 0) lacks("expected value, error or delay, got {}");
      },
    ).transform(
      (written): Omit<GraphqlOverlayField, "coordinate"> => ({
        action: written.error
          ? { kind: "error", error: written.error }
          : "value" in written
            ? { kind: "value", value: written.value }
            : { kind: "keep" },
        delay: written.delay ?? null,
      }),
    ),
    plainValue.transform(
      (value): Omit<GraphqlOverlayField, "coordinate"> => ({ action: { kind: "value", value }, delay: null }),
    ),
  ],
  { error: "a value, or a mapping {value, error, delay}" },
);

/** `patch.graphql`. `$` begins no name of a field. */
export const graphqlOverlay = across(
  z
    .object(
      {
        $schema: text("the path of a schema, or upstream")
          .exactOptional()
          .describe("A schema file, or upstream: asked by introspection."),
        $limits: limits.exactOptional().describe("What asks for more is refused."),
      },
      "a mapping of fields such as {user.plan: enterprise}",
    )
    .catchall(overlayField),
  (written, complain, lacks) => {
    for (const key of Object.keys(written))
      if (key !== "$schema" && key !== "$limits" && !coordinatePattern.test(key))
        complain(`expected ${coordinateExpected}, $schema or $limits`, key);
    if (Object.keys(written).every((key) => key === "$schema"))
      lacks("expected at least one field such as user.plan, or $limits");
  },
).transform(({ $schema, $limits, ...fields }): GraphqlOverlaySpec => {
  const targets = Object.entries(fields).map(([name, field]) => ({ coordinate: name, ...field }));
  return { schema: $schema ?? null, fields: targets, limits: $limits ?? unlimited };
});

/** `variables` says something only of a GraphQL call. */
export function checkGraphqlSelection(written: Written, complain: Complain): void {
  if ("variables" in written && !("graphql" in written))
    complain("only means something next to graphql (write graphql: {} for every operation)", "variables");
}
