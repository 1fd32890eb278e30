// The newest word of each member about its budgets, and since when each rule is known to be shared.

import type { Figure, Figures } from "./figures.ts";

/** Members whose figures are kept; those of others are not taken, and count as nothing. */
export const maxMembers = 4_096;

interface Entry {
  readonly figures: Figures;
  /** When the rule of that key was first heard of from this member. */
  readonly sinceMs: ReadonlyMap<string, number>;
}

export class FigureTable {
  readonly #entries = new Map<string, Entry>();

  /** True where it is news. */
  hear(figures: Figures, nowMs: number): boolean {
    const known = this.#entries.get(figures.from);
    if (known ? known.figures.seq >= figures.seq : this.#entries.size >= maxMembers) return false;
    const since = [...figures.rules.keys()].map((key) => [key, known?.sinceMs.get(key) ?? nowMs] as const);
    this.#entries.set(figures.from, { figures, sinceMs: new Map(since) });
    return true;
  }

  /** Keeps the members of these names. */
  keep(isKnown: (name: string) => boolean): void {
    for (const name of this.#entries.keys()) if (!isKnown(name)) this.#entries.delete(name);
  }

  /** What that member says about a rule; undefined: it does not have it. */
  figure(name: string, key: string): Figure | undefined {
    return this.#entries.get(name)?.figures.rules.get(key);
  }

  /** When somebody but `self` was first heard to have the rule; infinity: nobody was. */
  sharedSince(key: string, self: string): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const [name, { sinceMs }] of this.#entries)
      if (name !== self) earliest = Math.min(earliest, sinceMs.get(key) ?? Number.POSITIVE_INFINITY);
    return earliest;
  }

  all(): readonly Figures[] {
    return [...this.#entries.values()].map(({ figures }) => figures);
  }
}
