// What pruning leaves behind beside the smaller document: for each selection set, what was in it and what became of it. The
// merge walks it along with the upstream's data.

import type { FieldNode, GraphQLObjectType } from "graphql";
import type { GraphqlOverlayField } from "../../../../../core/rule-graphql.ts";
import type { Locate } from "./locations.ts";
import type { PathNode } from "./targets.ts";

export interface PrunedSet {
  /**
   * Alias of the `__typename` that was added: its value is the object's type, and its presence says that a fragment
   * applied. null: none was needed.
   */
  readonly marker: string | null;
  /** A fragment that may not apply: the marker says, or the type of the object. */
  readonly conditional: boolean;
  /** Names of the types under which a conditional one applies; null: not known. */
  readonly types: ReadonlySet<string> | null;
  /** The type of every object that this set can apply to; null: the marker says, or nobody does. */
  readonly objectType: GraphQLObjectType | null;
  /** Where in the tree of paths it stands; undefined: no path leads here. */
  readonly place: PathNode | undefined;
  readonly entries: readonly PrunedEntry[];
}

export type PrunedEntry =
  | {
      readonly kind: "field";
      /** Under which it stands in the answer. */
      readonly key: string;
      readonly node: FieldNode;
      /** `may`: asked of the upstream, because only some of the types are answered. */
      readonly answered: "always" | "may" | "never";
      /** What was below; null: nothing, or nothing that a rule could name. */
      readonly below: PrunedSet | null;
      /** Whether anything of it, or below it, was taken out. */
      readonly changed: boolean;
    }
  | { readonly kind: "fragment"; readonly set: PrunedSet };

export interface PrunedOperation {
  readonly root: PrunedSet;
  /** What is left to ask; null: nothing. */
  readonly query: string | null;
  /** Where the client wrote what stands at a place of `query`; null: nowhere. */
  readonly locate: Locate;
  /** Variables that it still uses. */
  readonly variables: ReadonlySet<string>;
  /** False where no field of the operation concerns the rule. */
  readonly changed: boolean;
  /** One for each place that is to be delayed. */
  readonly delays: readonly NonNullable<GraphqlOverlayField["delay"]>[];
  /** True where it holds for other variables too. */
  readonly lasting: boolean;
}
