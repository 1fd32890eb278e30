// What is said of a rule whose name another one has, be it in the file, in the folder or in another source.

/** `first`: where the rule that had the name before was written. */
export function sharedName(name: string, first: string): string {
  return `expected a name of its own, got "${name}", which the rule at ${first} already has`;
}
