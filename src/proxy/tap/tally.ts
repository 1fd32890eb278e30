// Counting by a small set of names, with a bound on how many names are kept apart.

export interface Tally<Name extends string = string> {
  /** Adds one (or `amount`); past the bound, a new name is counted under `other`. */
  add(name: Name, amount?: number): void;
  get(name: Name): number;
  /** In the order in which the names were first seen. */
  entries(): readonly (readonly [name: string, count: number])[];
}

export function createTally<Name extends string = string>(maxNames: number): Tally<Name> {
  const counts = new Map<string, number>();
  return {
    add(name, amount = 1) {
      const known = counts.get(name);
      if (known !== undefined) counts.set(name, known + amount);
      else if (counts.size < maxNames) counts.set(name, amount);
      else counts.set("other", (counts.get("other") ?? 0) + amount);
    },
    get: (name) => counts.get(name) ?? 0,
    entries: () => [...counts],
  };
}
