// Finds every prefix of a path, or suffix of a host, that rules name: one pass over the text with a running hash.

import { enter, firstOf, type IndexNode } from "./index-node.ts";
import type { Search } from "./search.ts";
import { hashStep } from "./text-table.ts";

interface Affix {
  readonly text: string;
  readonly node: IndexNode;
  /** Another text with the same hash. */
  readonly twin: Affix | null;
}

/**
 * Look-ups are made only at the lengths that occur, and none beyond the shortest where no text begins so: a call that
 * none of them fits costs one, however many there are.
 */
export class AffixBranch implements IndexNode {
  readonly first: number;
  readonly #suffix: boolean;
  /** Lengths that occur, ascending. */
  readonly #lengths: readonly number[];
  /** Hashes of the texts cut to the shortest length. */
  readonly #heads = new Set<number>();
  /** By hash. A hash that two texts share is told apart by comparing them. */
  readonly #affixes = new Map<number, Affix>();

  constructor(nodes: ReadonlyMap<string, IndexNode>, end: "prefix" | "suffix") {
    this.#suffix = end === "suffix";
    this.first = firstOf(nodes.values());
    this.#lengths = [...new Set([...nodes.keys()].map((text) => text.length))].sort((a, b) => a - b);
    const shortest = this.#lengths[0] ?? 0;
    for (const [text, node] of nodes) {
      const hash = this.#hash(text, text.length);
      this.#heads.add(this.#hash(text, shortest));
      this.#affixes.set(hash, { text, node, twin: this.#affixes.get(hash) ?? null });
    }
  }

  visit(search: Search): void {
    const text = this.#suffix ? search.call.host : search.call.target;
    const end = this.#suffix ? text.length : search.call.pathEnd;
    let hash = 0;
    let seen = 0;
    for (let i = 0; i < this.#lengths.length; i++) {
      const length = this.#lengths[i] ?? 0;
      if (length > end) return;
      for (; seen < length; seen++)
        hash = hashStep(hash, text.charCodeAt(this.#suffix ? end - 1 - seen : seen));
      if (i === 0 && !this.#heads.has(hash)) return;
      const found = this.#affixes.get(hash);
      if (found !== undefined) this.#enter(found, text, length, search);
    }
  }

  #enter(found: Affix, text: string, length: number, search: Search): void {
    for (let affix: Affix | null = found; affix !== null; affix = affix.twin) {
      if (affix.text.length !== length) continue;
      if (this.#suffix ? text.endsWith(affix.text) : text.startsWith(affix.text)) enter(affix.node, search);
    }
  }

  #hash(text: string, length: number): number {
    let hash = 0;
    for (let i = 0; i < length; i++) {
      hash = hashStep(hash, text.charCodeAt(this.#suffix ? text.length - 1 - i : i));
    }
    return hash;
  }
}
