// Finds the path templates that a path fits: a tree by segment, where `{name}` is a child of its own.

import { enter, firstOf, type IndexNode } from "./index-node.ts";
import { templateSegments } from "./path-template.ts";
import type { Search } from "./search.ts";

/** Segments are told apart by their hash alone: candidates test the whole path themselves. */
interface Place {
  /** null: none, as at the ends, which are most places. */
  literals: Map<number, Place> | null;
  wild: Place | null;
  /** Where templates end here; several only if their segments share hashes. */
  readonly ends: IndexNode[];
}

const slash = 47;

export class TemplateBranch implements IndexNode {
  readonly first: number;
  readonly #root: Place = newPlace();

  constructor(nodes: ReadonlyMap<string, IndexNode>) {
    this.first = firstOf(nodes.values());
    for (const [template, node] of nodes) this.#add(template, node);
  }

  visit(search: Search): void {
    const { target, pathEnd } = search.call;
    if (target.charCodeAt(0) === slash) descend(this.#root, target, 1, pathEnd, search);
  }

  #add(template: string, node: IndexNode): void {
    let place = this.#root;
    for (const segment of templateSegments(template, [])) {
      if (segment === null) {
        place.wild ??= newPlace();
        place = place.wild;
        continue;
      }
      const hash = hashSegment(segment, 0, segment.length);
      place.literals ??= new Map();
      const next = place.literals.get(hash) ?? newPlace();
      place.literals.set(hash, next);
      place = next;
    }
    place.ends.push(node);
  }
}

function descend(place: Place, target: string, start: number, pathEnd: number, search: Search): void {
  if (start > pathEnd) {
    for (let i = 0; i < place.ends.length; i++) enter(place.ends[i], search);
    return;
  }
  let end = start;
  while (end < pathEnd && target.charCodeAt(end) !== slash) end++;
  const literal = place.literals?.get(hashSegment(target, start, end));
  if (literal !== undefined) descend(literal, target, end + 1, pathEnd, search);
  if (place.wild !== null && end > start) descend(place.wild, target, end + 1, pathEnd, search);
}

function newPlace(): Place {
  return { literals: null, wild: null, ends: [] };
}

/** 30 bits, so that V8 keeps it without allocating. */
function hashSegment(text: string, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) & 0x3fffffff;
  return hash;
}
