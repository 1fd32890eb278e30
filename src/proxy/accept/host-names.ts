// Names as resolvers ask for them: which are looked up at all, and what a search list makes of a short one.

import { isIP } from "node:net";

/** False for addresses, which are nobody's names, and for `localhost`, a program's own machine (RFC 6761 §6.3). */
export function isLookedUp(name: string): boolean {
  return isIP(name) === 0 && name !== "localhost" && !name.endsWith(".localhost");
}

/** What `name` may have been made of by a resolver that tries the search list. */
export function withoutSearchDomain(name: string, search: readonly string[]): readonly string[] {
  return search.flatMap((domain) =>
    name.length > domain.length + 1 && name.endsWith(`.${domain}`) ? [name.slice(0, -domain.length - 1)] : [],
  );
}
