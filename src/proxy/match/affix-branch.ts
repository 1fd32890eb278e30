// Finds every prefix of a path, or suffix of a host, that rules name: one pass over the text with a running hash.

import { enter, firstOf, type IndexNode } from "./index-node.ts";
import type { Search } from "./search.ts";

interface Affix {
  readonly text: string;
  readonly node: IndexNode;
}

/** Look-ups are made only at the lengths that occur, so the cost is that of the text plus one per such length. */
export class AffixBranch implements IndexNode {
  readonly first: number;
  readonly #suffix: boolean;
  /** Lengths that occur, ascending. */
  readonly #lengths: readonly number[];
  /** By hash. A hash that two texts share is told apart by comparing them. */
  readonly #affixes = new Map<number, Affix[]>();

  constructor(nodes: ReadonlyMap<string, IndexNode>, end: "prefix" | "suffix") {
    this.#suffix = end === "suffix";
    this.first = firstOf(nodes.values());
    this.#lengths = [...new Set([...nodes.keys()].map((text) => text.length))].sort((a, b) => a - b);
    for (const [text, node] of nodes) {
      const hash = this.#hash(text);
      const bucket = this.#affixes.get(hash);
      if (bucket) bucket.push({ text, node });
      else this.#affixes.set(hash, [{ text, node }]);
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
      for (; seen < length; seen++) hash = step(hash, text.charCodeAt(this.#suffix ? end - 1 - seen : seen));
      const bucket = this.#affixes.get(hash);
      if (bucket !== undefined) this.#enter(bucket, text, length, search);
    }
  }

  #enter(bucket: readonly Affix[], text: string, length: number, search: Search): void {
    for (let i = 0; i < bucket.length; i++) {
      const affix = bucket[i];
      if (affix === undefined || affix.text.length !== length) continue;
      if (this.#suffix ? text.endsWith(affix.text) : text.startsWith(affix.text)) enter(affix.node, search);
    }
  }

  #hash(text: string): number {
    let hash = 0;
    for (let i = 0; i < text.length; i++) {
      hash = step(hash, text.charCodeAt(this.#suffix ? text.length - 1 - i : i));
    }
    return hash;
  }
}

/** 30 bits, so that V8 keeps it without allocating. */
function step(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) & 0x3fffffff;
}
