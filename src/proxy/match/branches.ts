// Branches that look whole values up: the host, the path, the method, a header, a query parameter, a cookie, an address.

import { AffixBranch } from "./affix-branch.ts";
import type { Call, Pairs } from "./call.ts";
import { enter, firstOf, type IndexNode } from "./index-node.ts";
import { ipKey } from "./ip-range.ts";
import type { Dimension } from "./key.ts";
import type { Search } from "./search.ts";
import { TemplateBranch } from "./template-branch.ts";
import { TextTable } from "./text-table.ts";

/** The branch that serves a dimension; `nodes` by the values of the anchors that led to them. */
export function branchOf(dimension: Dimension, nodes: ReadonlyMap<string, IndexNode>): IndexNode {
  switch (dimension) {
    case "host":
      return new ValueBranch(nodes, (call) => call.host);
    case "path":
      return new PathBranch(nodes);
    case "method":
      return new ValueBranch(nodes, (call) => call.head.method);
    case "address":
      return new ValueBranch(nodes, (call) => (call.destination === null ? "" : ipKey(call.destination)));
    case "port":
      return new ValueBranch(nodes, (call) => String(call.destinationPort));
    case "host-suffix":
      return new AffixBranch(nodes, "suffix");
    case "path-prefix":
      return new AffixBranch(nodes, "prefix");
    case "path-template":
      return new TemplateBranch(nodes);
    default:
      return namedBranch(dimension, nodes);
  }
}

function namedBranch(dimension: string, nodes: ReadonlyMap<string, IndexNode>): IndexNode {
  const space = dimension.indexOf(" ");
  const name = dimension.slice(space + 1);
  switch (dimension.slice(0, space)) {
    case "query":
      return new PairsBranch(nodes, name, (call) => call.query);
    case "cookie":
      return new PairsBranch(nodes, name, (call) => call.cookies);
    case "baggage":
      return new PairsBranch(nodes, name, (call) => call.baggage);
    default:
      return new HeaderBranch(nodes, name);
  }
}

class ValueBranch implements IndexNode {
  readonly first: number;
  readonly #nodes: TextTable<IndexNode>;
  readonly #valueOf: (call: Call) => string;

  constructor(nodes: ReadonlyMap<string, IndexNode>, value: (call: Call) => string) {
    this.#nodes = new TextTable(nodes);
    this.#valueOf = value;
    this.first = firstOf(nodes.values());
  }

  visit(search: Search): void {
    enter(this.#nodes.get(this.#valueOf(search.call)), search);
  }
}

/** As a branch of values, but for the path no string of its own is made: it is a part of the target. */
class PathBranch implements IndexNode {
  readonly first: number;
  readonly #nodes: TextTable<IndexNode>;

  constructor(nodes: ReadonlyMap<string, IndexNode>) {
    this.#nodes = new TextTable(nodes);
    this.first = firstOf(nodes.values());
  }

  visit(search: Search): void {
    const { target, pathEnd } = search.call;
    enter(this.#nodes.get(target, pathEnd), search);
  }
}

/** By the joined value, and by each line of a repeated field, as the condition itself is tested. */
class HeaderBranch implements IndexNode {
  readonly first: number;
  readonly #nodes: TextTable<IndexNode>;
  readonly #name: string;

  constructor(nodes: ReadonlyMap<string, IndexNode>, name: string) {
    this.#nodes = new TextTable(nodes);
    this.#name = name;
    this.first = firstOf(nodes.values());
  }

  visit(search: Search): void {
    const joined = search.call.head.header(this.#name);
    if (joined === undefined) return;
    enter(this.#nodes.get(joined), search);
    if (!joined.includes(", ")) return;
    for (const [key, value] of search.call.head.headers) {
      if (key.length === this.#name.length && key.toLowerCase() === this.#name) {
        enter(this.#nodes.get(value), search);
      }
    }
  }
}

class PairsBranch implements IndexNode {
  readonly first: number;
  readonly #nodes: TextTable<IndexNode>;
  readonly #name: string;
  readonly #pairsOf: (call: Call) => Pairs;

  constructor(nodes: ReadonlyMap<string, IndexNode>, name: string, pairsOf: (call: Call) => Pairs) {
    this.#nodes = new TextTable(nodes);
    this.#name = name;
    this.#pairsOf = pairsOf;
    this.first = firstOf(nodes.values());
  }

  visit(search: Search): void {
    const pairs = this.#pairsOf(search.call);
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i];
      if (pair !== undefined && pair[0] === this.#name) enter(this.#nodes.get(pair[1]), search);
    }
  }
}
