// Which hosts were looked up in vain: so that whoever wonders why no rule has answered can be told at the end.
// Whether that is of any interest is for others to say.

import { type DnsHead, recordTypes } from "./dns-message.ts";
import { isLookedUp, withoutSearchDomain } from "./host-names.ts";

/** Names that are remembered; those that come later are of no interest. */
const maxNames = 1_000;

export interface UnresolvedNames {
  /** A look-up has ended. `isKnown`: there is such a name, or something was said in place of the name servers. */
  ended(head: DnsHead, isKnown: boolean): void;
  /** Those for which no look-up has ever succeeded, in the order of their first; what a search list made of another is left out. */
  list(): readonly string[];
}

/** `search`: the search list of the resolver. */
export function createUnresolvedNames(search: () => readonly string[]): UnresolvedNames {
  const known = new Map<string, boolean>();
  return {
    ended({ name, type }, isKnown) {
      if (name === null || (type !== recordTypes.A && type !== recordTypes.AAAA) || !isLookedUp(name)) return;
      const before = known.get(name);
      if (before !== undefined || known.size < maxNames) known.set(name, isKnown || before === true);
    },
    list() {
      const domains = search();
      const isExpansion = (name: string) =>
        withoutSearchDomain(name, domains).some((bare) => known.has(bare));
      return [...known].flatMap(([name, isKnown]) => (isKnown || isExpansion(name) ? [] : [name]));
    },
  };
}
