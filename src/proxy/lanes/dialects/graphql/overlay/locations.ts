// Where in the client's document something stands that the upstream found in the smaller one.

import type { ASTNode, DocumentNode } from "graphql";
import type { GraphqlLibrary } from "../library.ts";

export interface Location {
  readonly line: number;
  readonly column: number;
}

export type Locate = (at: Location) => Location | null;

/**
 * `document`: the smaller one, its nodes those of the client where they were not added; `text`: as it was printed. Both have
 * the same nodes in the same order. Worked out at the first question, which only errors ask.
 */
export function locator(document: DocumentNode, text: string, lib: GraphqlLibrary): Locate {
  let known: ReadonlyMap<string, Location> | null = null;
  return (at) => {
    known ??= locations(document, text, lib);
    return known.get(keyOf(at)) ?? null;
  };
}

function locations(document: DocumentNode, text: string, lib: GraphqlLibrary): ReadonlyMap<string, Location> {
  const found = new Map<string, Location>();
  const printed = nodesOf(lib.parse(text), lib);
  for (const [index, node] of nodesOf(document, lib).entries()) {
    const { loc: now } = printed[index] ?? {};
    const { loc: before } = node;
    if (!now || !before) continue;
    const key = keyOf(lib.getLocation(now.source, now.start));
    // The outer node comes first; the nodes that begin where it does began there before, too.
    if (!found.has(key)) found.set(key, lib.getLocation(before.source, before.start));
  }
  return found;
}

function nodesOf(document: DocumentNode, lib: GraphqlLibrary): readonly ASTNode[] {
  const nodes: ASTNode[] = [];
  lib.visit(document, {
    enter(node) {
      nodes.push(node);
    },
  });
  return nodes;
}

function keyOf({ line, column }: Location): string {
  return `${line}:${column}`;
}
