// One operation of a document, as conditions and limits look at it. Fragments are followed, each once, so that a document
// whose fragments contain one another many times over costs no more than its text.

import type { OperationDefinitionNode, OperationTypeNode, SelectionSetNode } from "graphql";
import { type Fragments, type Measures, measure } from "./measure.ts";

/** Answers about paths that are kept for one operation: as many as a rule set is likely to ask. */
const maxKeptAnswers = 256;

export class Operation {
  readonly node: OperationDefinitionNode;
  readonly fragments: Fragments;
  readonly #paths = new Map<string, boolean>();
  #measures: Measures | null = null;

  constructor(node: OperationDefinitionNode, fragments: Fragments) {
    this.node = node;
    this.fragments = fragments;
  }

  get name(): string | null {
    return this.node.name?.value ?? null;
  }

  get type(): OperationTypeNode {
    return this.node.operation;
  }

  /** Depth, aliases and complexity under these variables. */
  measures(variables: Readonly<Record<string, unknown>>): Measures {
    if (this.#measures !== null) return this.#measures;
    const found = measure(this.node, this.fragments, variables);
    if (!found.varies) this.#measures = found;
    return found;
  }

  /** Whether a field is selected: `user.email`, names of fields from the root, whatever their aliases. */
  selects(path: string): boolean {
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const found = selectsPath(this.node.selectionSet, path.split("."), this.fragments);
    if (this.#paths.size < maxKeptAnswers) this.#paths.set(path, found);
    return found;
  }
}

/** Level by level: the selection sets that a path has reached, each once. */
function selectsPath(root: SelectionSetNode, path: readonly string[], fragments: Fragments): boolean {
  let level = new Set([root]);
  for (const [index, name] of path.entries()) {
    const next = new Set<SelectionSetNode>();
    let found = false;
    for (const field of fieldsOf(level, fragments)) {
      if (field.name.value !== name) continue;
      found = true;
      if (field.selectionSet !== undefined) next.add(field.selectionSet);
    }
    if (!found) return false;
    if (index < path.length - 1 && next.size === 0) return false;
    level = next;
  }
  return true;
}

/** The fields of these selection sets, those in fragments included. */
function* fieldsOf(sets: Iterable<SelectionSetNode>, fragments: Fragments) {
  const queue = [...sets];
  const spread = new Set<string>();
  for (let set = queue.pop(); set !== undefined; set = queue.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === "Field") yield selection;
      else if (selection.kind === "InlineFragment") queue.push(selection.selectionSet);
      else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment !== undefined) queue.push(fragment.selectionSet);
      }
    }
  }
}
