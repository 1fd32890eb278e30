// The shapes of the index: leaves that are tested one by one, and branches that look a value of the call up.

import type { Candidate } from "./candidate.ts";
import type { Search } from "./search.ts";

/** Lowest `order` below a node: a search that has found better does not enter. */
export interface IndexNode {
  readonly first: number;
  visit(search: Search): void;
}

export class Leaf implements IndexNode {
  readonly first: number;
  readonly #candidates: readonly Candidate[];

  /** `candidates` in ascending order. */
  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    this.first = candidates[0]?.order ?? Number.MAX_SAFE_INTEGER;
  }

  visit(search: Search): void {
    search.try(this.#candidates);
  }
}

/** Several ways in which one call finds candidates; all of them count. */
export class Fan implements IndexNode {
  readonly first: number;
  readonly #nodes: readonly IndexNode[];

  constructor(nodes: readonly IndexNode[]) {
    this.#nodes = nodes;
    this.first = firstOf(nodes);
  }

  visit(search: Search): void {
    for (let i = 0; i < this.#nodes.length; i++) {
      const node = this.#nodes[i];
      if (node !== undefined && node.first < search.limit) node.visit(search);
    }
  }
}

export function firstOf(nodes: Iterable<IndexNode>): number {
  let first = Number.MAX_SAFE_INTEGER;
  for (const node of nodes) first = Math.min(first, node.first);
  return first;
}

/** Enters a node that a look-up gave, unless it cannot hold anything better. */
export function enter(node: IndexNode | undefined, search: Search): void {
  if (node !== undefined && node.first < search.limit) node.visit(search);
}
