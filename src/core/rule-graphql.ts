// The GraphQL parts of a rule as data: which operations, what answers them, which fields of a real answer change.

import type { BodyMatch, DelaySpec, TextMatch } from "./rule-values.ts";

/** AND across the keys that are present. */
export interface GraphqlMatch {
  /** Of its name; `absent`: it has none. */
  readonly operation?: TextMatch;
  readonly type?: "query" | "mutation" | "subscription";
  /** All of them are selected: `user.email` (a path from the root), `User.email` or `User` (these need `schema`). */
  readonly fields?: readonly string[];
  /** Absolute path of a file in SDL, or of the JSON of an introspection. */
  readonly schema?: string;
  readonly depth?: NumberMatch;
  readonly complexity?: NumberMatch;
  /** On the variables as one JSON object; one that is absent is `{}`. */
  readonly variables?: BodyMatch;
}

/** Both bounds hold; null: unbounded. */
export interface NumberMatch {
  readonly greaterThan: number | null;
  readonly lessThan: number | null;
}

/** Refusals of an operation before anything else is done with it; null: unlimited. */
export interface GraphqlLimits {
  /** Fields inside one another. */
  readonly depth: number | null;
  /** Fields, those below a field with `first`, `last` or `limit` as often as it says. */
  readonly complexity: number | null;
  readonly aliases: number | null;
  /** Lexical tokens of the document. */
  readonly tokens: number | null;
  /** Operations of one batch. */
  readonly batch: number | null;
}

export interface GraphqlReplySpec {
  readonly kind: "graphql";
  readonly answer: GraphqlAnswerSpec;
  readonly delay: DelaySpec | null;
}

export type GraphqlAnswerSpec =
  | {
      readonly kind: "result";
      /** Undefined: the key is left out of the answer. */
      readonly data: unknown;
      readonly errors: unknown;
      readonly extensions: unknown;
      /** Strings are templates. */
      readonly template: boolean;
    }
  | {
      readonly kind: "schema";
      /** Absolute path. */
      readonly schema: string;
      /** The same seed gives the same values in every sidecar. */
      readonly seed: number;
      /** Items of a list that nothing says more about. */
      readonly listLength: number;
      readonly overrides: readonly GraphqlOverride[];
      readonly limits: GraphqlLimits;
    };

/** What answers in place of generated values. */
export interface GraphqlOverride {
  /** `User.email`, or the name of a type. */
  readonly coordinate: string;
  readonly resolver: GraphqlResolver | null;
  /** Items of a list; null: as the mock says. */
  readonly length: number | null;
  /** Ends in this error, after `delay`. */
  readonly error: GraphqlErrorSpec | null;
  readonly delay: DelaySpec | null;
  /** Named values that later operations see as `state`: CEL expressions, worked out when the field is. */
  readonly remember: readonly { readonly name: string; readonly expression: string }[];
}

export type GraphqlResolver =
  | { readonly kind: "static"; readonly value: unknown }
  /** CEL over `args`, `parent`, `variables`, `state`, `headers`. */
  | { readonly kind: "dynamic"; readonly expression: string }
  /** Handlebars over `request`, whose `json` holds `args`, `parent`, `variables`, `state`. */
  | { readonly kind: "template"; readonly template: string }
  /** The body of a JavaScript function of `{args, parent, variables, state, headers}`. */
  | { readonly kind: "script"; readonly script: string; readonly timeoutMs: number }
  /** Another GraphQL server is asked for the field. */
  | { readonly kind: "proxy"; readonly url: string; readonly timeoutMs: number }
  /** What a subscription sends. */
  | { readonly kind: "events"; readonly events: readonly GraphqlEvent[]; readonly repeat: boolean };

export interface GraphqlEvent {
  readonly after: DelaySpec | null;
  readonly value: unknown;
}

export interface GraphqlErrorSpec {
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>> | null;
}

/** Fields of a real answer that the rule answers instead. */
export interface GraphqlOverlaySpec {
  /** Absolute path of a file; `upstream`: asked of the upstream by introspection; null: none is needed. */
  readonly schema: string | null;
  readonly fields: readonly GraphqlOverlayField[];
  readonly limits: GraphqlLimits;
}

export interface GraphqlOverlayField {
  /** `user.plan` (names of fields from the root, lists left out) or `User.email`. */
  readonly coordinate: string;
  readonly action:
    | { readonly kind: "value"; readonly value: unknown }
    | { readonly kind: "error"; readonly error: GraphqlErrorSpec }
    /** The field is asked of the upstream all the same. */
    | { readonly kind: "keep" };
  readonly delay: DelaySpec | null;
}

/** The word that stands in place of a file where the upstream is asked for its schema. */
export const upstreamSchema = "upstream";
