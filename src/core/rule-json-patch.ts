// Changes to a JSON document, as a rule writes them.

export type JsonPatchSpec =
  /** RFC 7396. */
  | { readonly kind: "merge"; readonly value: unknown }
  /** RFC 6902. */
  | { readonly kind: "patch"; readonly operations: readonly JsonPatchOperation[] };

export type JsonPatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string };
