// Who shares budgets, as the list of members says: the live sidecars, and the failed ones, which may be alive beyond a cut in the
// network and go on with what they held.

import { formatHostPort } from "../../../core/address.ts";
import type { MeshMember } from "../mesh.ts";

/** For so long what a failed member held is nobody else's. */
export const ghostMs = 3_600_000;

export interface Crowd {
  /** Ourselves too. */
  readonly alive: ReadonlySet<string>;
  /** Failed, and perhaps only cut off. */
  readonly ghosts: ReadonlySet<string>;
}

/** `wallMs`: now. */
export function crowdOf(members: readonly MeshMember[], self: string, wallMs: number): Crowd {
  const sidecars = members.filter(({ tags }) => tags.get("role") === "understudy");
  const living = sidecars.filter(({ status }) => status === "alive" || status === "leaving");
  // Where somebody else lives at its address, the failed one is gone for good.
  const taken = new Set(living.map(({ address }) => formatHostPort(address)));
  const ghosts = sidecars.filter(
    ({ status, name, address, sinceMs }) =>
      status === "failed" &&
      name !== self &&
      wallMs - sinceMs < ghostMs &&
      !taken.has(formatHostPort(address)),
  );
  const namesOf = (found: readonly MeshMember[]) => found.map(({ name }) => name);
  return { alive: new Set([self, ...namesOf(living)]), ghosts: new Set(namesOf(ghosts)) };
}
