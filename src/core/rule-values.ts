// The small values that rules are made of, whatever protocol they speak of: matchers, times, changes of JSON.

export type TextMatch =
  | { readonly op: "exact" | "prefix" | "suffix" | "regex" | "contains"; readonly value: string }
  | { readonly op: "absent" };
/** `template`: `/users/{id}`; each `{name}` stands for one segment. */
export type PathMatch = TextMatch | { readonly op: "template"; readonly value: string };

export interface NamedMatch {
  readonly name: string;
  readonly match: TextMatch;
}

export type BodyMatch =
  | { readonly op: "and" | "or"; readonly of: readonly BodyMatch[] }
  | { readonly op: "not"; readonly of: BodyMatch }
  | { readonly op: "equalTo" | "contains" | "matches"; readonly value: string }
  /** The payload begins with these bytes. */
  | { readonly op: "binaryPrefix"; readonly value: Uint8Array }
  | {
      readonly op: "equalToJson";
      readonly value: unknown;
      readonly ignoreArrayOrder: boolean;
      readonly ignoreExtraElements: boolean;
    }
  | { readonly op: "matchesJsonPath"; readonly expression: string; readonly test: JsonPathTest | null }
  | { readonly op: "matchesJsonSchema"; readonly schema: unknown };

/** Applied to each value the JSONPath selects; one that passes is enough. null test: selecting anything is enough. */
export type JsonPathTest =
  | { readonly op: "equalTo"; readonly value: string | number | boolean | null }
  | { readonly op: "contains" | "matches"; readonly value: string }
  | {
      readonly op: "greaterThan" | "lessThan" | "greaterThanOrEqual" | "lessThanOrEqual";
      readonly value: number;
    }
  | {
      readonly op: "equalToJson";
      readonly value: unknown;
      readonly ignoreArrayOrder: boolean;
      readonly ignoreExtraElements: boolean;
    }
  /** True: the path selects nothing. */
  | { readonly op: "absent" };

export type DelaySpec =
  | { readonly type: "fixed"; readonly ms: number }
  | { readonly type: "uniform"; readonly minMs: number; readonly maxMs: number }
  | {
      readonly type: "normal";
      readonly meanMs: number;
      readonly stddevMs: number;
      readonly maxMs: number | null;
    }
  | {
      readonly type: "lognormal";
      readonly medianMs: number;
      readonly sigma: number;
      readonly maxMs: number | null;
    }
  | {
      readonly type: "histogram";
      readonly buckets: readonly {
        readonly weight: number;
        readonly minMs: number;
        readonly maxMs: number;
      }[];
    };

export type JsonPatchSpec =
  /** RFC 7396. */
  | { readonly kind: "merge"; readonly value: unknown }
  /** RFC 6902. */
  | { readonly kind: "patch"; readonly operations: readonly JsonPatchOperation[] };

export type JsonPatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string };
