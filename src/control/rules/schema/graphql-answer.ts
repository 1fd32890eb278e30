// What answers a GraphQL operation in a rule: a result as it stands, or a schema with what is to be different in it.

import * as z from "zod";
import type {
  GraphqlAnswerSpec,
  GraphqlOverride,
  GraphqlReplySpec,
  GraphqlResolver,
} from "../../../core/rule-graphql.ts";
import { delay } from "./delay.ts";
import { coordinate, count, error, limits, plainValue, schemaFile, unlimited } from "./graphql.ts";
import { across, atMostOne, type Complain, isMapping, mapping, notYet, type Written } from "./mapping.ts";
import { duration } from "./quantity.ts";
import { text } from "./text.ts";

const timeout = duration().exactOptional();
const expression = text("a CEL expression", 4_096);

const event = mapping("a mapping {after, value}", {
  after: delay.exactOptional().describe("Time since the event before."),
  value: z.unknown().describe("The value of the subscription's field."),
}).transform((written) => ({ after: written.after ?? null, value: written.value }));

const resolverKeys = [
  "value",
  "expression",
  "template",
  "script",
  "proxy",
  "plugin",
  "events",
  "error",
] as const;

const override = z.union(
  [
    across(
      mapping("a value, or a mapping of keys such as value, expression, error", {
        value: z.unknown().exactOptional().describe("static: this value."),
        expression: expression
          .exactOptional()
          .describe("dynamic: a CEL expression over args, parent, variables, state, headers."),
        template: text("a template")
          .exactOptional()
          .describe("template: Handlebars over request, whose json holds args, parent, variables, state."),
        script: text("the body of a JavaScript function", 65_536)
          .exactOptional()
          .describe("script: the body of a function of {args, parent, variables, state, headers}."),
        proxy: text("a URL such as http://users:4000/graphql", 4_096)
          .exactOptional()
          .describe("proxy: another GraphQL server is asked for the field."),
        ...notYet("plugin"),
        events: z
          .array(event, "a list of events")
          .min(1)
          .max(10_000)
          .exactOptional()
          .describe("What a subscription sends."),
        repeat: z.boolean("true or false").exactOptional().describe("events: begin again after the last."),
        timeout: timeout.describe("script, proxy: longest time to wait."),
        length: count("a whole number from 0")
          .max(10_000, "at most 10000")
          .exactOptional()
          .describe("Items of the list."),
        error: error.exactOptional(),
        delay: delay.exactOptional().describe("Time to wait before the value."),
        remember: z
          .record(
            z.string().regex(/^[A-Za-z_]\w{0,63}$/, "a name"),
            expression,
            "a mapping of names to CEL expressions",
          )
          .exactOptional()
          .describe("Values that later operations see as state."),
      }),
      (written, complain, lacks) => checkOverride(written, complain, lacks),
    ).transform(
      (written): Omit<GraphqlOverride, "coordinate"> => ({
        resolver: resolverOf(written),
        length: written.length ?? null,
        error: written.error ?? null,
        delay: written.delay ?? null,
        remember: Object.entries(written.remember ?? {}).map(([name, one]) => ({ name, expression: one })),
      }),
    ),
    plainValue.transform(
      (value): Omit<GraphqlOverride, "coordinate"> => ({
        resolver: { kind: "static", value },
        length: null,
        error: null,
        delay: null,
        remember: [],
      }),
    ),
  ],
  { error: "a value, or a mapping of keys such as value, expression, error" },
);

function checkOverride(written: Written, complain: Complain, lacks: Complain): void {
  atMostOne(resolverKeys, written, complain);
  if (Object.keys(written).length === 0) lacks("expected at least one key such as value, got {}");
  if ("repeat" in written && !("events" in written))
    complain("only means something next to events", "repeat");
  if ("timeout" in written && !("script" in written) && !("proxy" in written))
    complain("only means something next to script or proxy", "timeout");
  if (typeof written.proxy === "string" && !isHttpUrl(written.proxy))
    complain(`expected a URL such as http://users:4000/graphql, got "${written.proxy}"`, "proxy");
}

function isHttpUrl(value: string): boolean {
  return /^https?:$/.test(URL.parse(value)?.protocol ?? "");
}

const defaultScriptMs = 1_000;
const defaultProxyMs = 10_000;

function resolverOf(written: {
  readonly value?: unknown;
  readonly expression?: string;
  readonly template?: string;
  readonly script?: string;
  readonly proxy?: string;
  readonly events?: readonly z.output<typeof event>[];
  readonly repeat?: boolean;
  readonly timeout?: number;
}): GraphqlResolver | null {
  if (written.expression !== undefined) return { kind: "dynamic", expression: written.expression };
  if (written.template !== undefined) return { kind: "template", template: written.template };
  if (written.script !== undefined)
    return { kind: "script", script: written.script, timeoutMs: written.timeout ?? defaultScriptMs };
  if (written.proxy !== undefined)
    return { kind: "proxy", url: written.proxy, timeoutMs: written.timeout ?? defaultProxyMs };
  if (written.events !== undefined)
    return { kind: "events", events: written.events, repeat: written.repeat ?? false };
  return "value" in written ? { kind: "static", value: written.value } : null;
}

const resultKeys = ["data", "errors", "extensions"];
const schemaKeys = ["seed", "listLength", "overrides", "limits"];

/** `respond.graphql`; `template` and `delay` stand beside it. */
export const graphqlAnswer = across(
  mapping("a mapping {data, errors, extensions} or {schema, overrides, seed}", {
    data: z.unknown().exactOptional().describe("The data of the answer."),
    errors: z
      .array(
        z.looseObject({ message: text("text").describe("What the error says.") }, "an error with a message"),
        "a list of errors with a message",
      )
      .min(1, "at least one error")
      .exactOptional()
      .describe("The errors of the answer, each with a message."),
    extensions: z
      .record(z.string(), z.unknown(), "a mapping")
      .exactOptional()
      .describe("The extensions of the answer."),
    schema: schemaFile.exactOptional(),
    seed: z
      .int("a whole number")
      .min(0, "a whole number from 0")
      .max(0xffff_ffff)
      .exactOptional()
      .describe("Chooses the generated values. Default 0."),
    listLength: count("a whole number from 0")
      .max(1_000, "at most 1000")
      .exactOptional()
      .describe("Items of a generated list. Default 2."),
    overrides: z
      .record(coordinate, override, "a mapping of fields or types to what answers them")
      .exactOptional()
      .describe("What answers a field (User.email) or a type (Money) instead of a generated value."),
    limits: limits.exactOptional().describe("What asks for more is refused."),
  }),
  (written, complain, lacks) => {
    const result = resultKeys.filter((key) => key in written);
    if ("schema" in written) {
      for (const key of result) complain("expected either schema or a result, got both", key);
      return;
    }
    if (result.length === 0) lacks("expected data, errors or schema, got none of them");
    for (const key of schemaKeys) if (key in written) complain("only means something next to schema", key);
  },
).transform((written): GraphqlAnswerSpec => {
  if (written.schema === undefined) {
    const { data, errors, extensions } = written;
    return { kind: "result", data, errors, extensions, template: false };
  }
  return {
    kind: "schema",
    schema: written.schema,
    seed: written.seed ?? 0,
    listLength: written.listLength ?? 2,
    overrides: Object.entries(written.overrides ?? {}).map(([name, one]) => ({ coordinate: name, ...one })),
    limits: written.limits ?? unlimited,
  };
});

/** Complains of what cannot stand beside `respond.graphql`. */
export function checkGraphqlReply(written: Written, complain: Complain): void {
  if (!("graphql" in written)) return;
  const beside = Object.keys(written).filter((key) => !["graphql", "template", "delay"].includes(key));
  if (beside.length > 0) complain(`expected graphql to stand alone, got graphql and ${beside.join(" and ")}`);
  if (written.template === true && isMapping(written.graphql) && "schema" in written.graphql)
    complain("only means something next to data, errors, extensions", "template");
}

export function graphqlReplyOf(
  answer: GraphqlAnswerSpec,
  written: { readonly template?: boolean; readonly delay?: GraphqlReplySpec["delay"] },
): GraphqlReplySpec {
  const made = answer.kind === "result" ? { ...answer, template: written.template ?? false } : answer;
  return { kind: "graphql", answer: made, delay: written.delay ?? null };
}
