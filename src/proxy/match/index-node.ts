// The shapes of the index: leaves that are tested one by one, and branches that look a value of the call up.

import type { MessageRule, Rule } from "../../core/rule-set.ts";
import type { Entry } from "./candidate.ts";
import type { Key } from "./key.ts";
import type { Search } from "./search.ts";

/** Lowest `order` below a node: a search that has found better does not enter. */
export interface IndexNode {
  readonly first: number;
  visit(search: Search): void;
}

/** One entry, which is what most look-ups lead to; node and entry in one, for one step less through cold memory. */
export class Single implements IndexNode, Entry {
  readonly first: number;
  readonly order: number;
  readonly rule: Rule;
  readonly headKeys: readonly Key[];
  readonly bodyKeys: readonly Key[];
  readonly message: MessageRule | null;

  constructor({ order, rule, headKeys, bodyKeys, message }: Entry) {
    this.first = order;
    this.order = order;
    this.rule = rule;
    this.headKeys = headKeys;
    this.bodyKeys = bodyKeys;
    this.message = message;
  }

  visit(search: Search): void {
    search.offer(this);
  }
}

export class Leaf implements IndexNode {
  readonly first: number;
  readonly #entries: readonly Entry[];

  /** In ascending order. */
  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    this.first = entries[0]?.order ?? Number.MAX_SAFE_INTEGER;
  }

  visit(search: Search): void {
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined && search.offer(entry)) return;
    }
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
