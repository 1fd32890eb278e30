// Where calls go that rules could claim: what is known of a connection before any of its bytes is understood. A call on it may
// name any host, so hosts do not count here.

import { type Candidate, noKeys } from "./candidate.ts";

const keysBefore: ReadonlySet<string> = new Set(["destination", "direction"]);

/**
 * The candidates with only these conditions; one stands for all that are alike. When a rule ends does not count either: a
 * connection is then parsed for nothing, which does no harm.
 */
export function placeCandidates(candidates: readonly Candidate[]): readonly Candidate[] {
  const places: Candidate[] = [];
  const seen = new Set<string>();
  for (const candidate of candidates) {
    const headKeys = candidate.headKeys.filter(({ name }) => keysBefore.has(name));
    const place = { ...candidate, headKeys, bodyKeys: noKeys, scopeKeys: noKeys };
    if (headKeys.length === 0) return [place]; // everywhere
    const alike = headKeys.map((key) => `${key.name} ${key.expected()}`).join(", ");
    if (seen.has(alike)) continue;
    seen.add(alike);
    places.push(place);
  }
  return places;
}
