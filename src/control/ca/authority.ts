// An authority at work: signs leaves with one key for all of them, which lives as long as the process.

import type { Authority } from "../../core/certificates.ts";
import type { Clock } from "../../core/clock.ts";
import { type AuthorityPair, newAuthority, newKeys, newLeaf } from "./certificates.ts";

/** `replaced`: PEM of an older certificate that clients still may meet; "" where there is none. */
export function authorityOf(pair: AuthorityPair, replaced: string, clock: Pick<Clock, "wall">): Authority {
  let leafKeys: ReturnType<typeof newKeys> | null = null;
  return {
    trust: `${pair.certificate.trim()}\n${replaced === "" ? "" : `${replaced.trim()}\n`}`,
    async issue(name) {
      leafKeys ??= newKeys();
      return newLeaf(pair, name, await leafKeys, clock.wall());
    },
  };
}

/** One that nobody keeps: its key is in the memory of this process alone. */
export async function passingAuthority(name: string, clock: Pick<Clock, "wall">): Promise<Authority> {
  return authorityOf(await newAuthority(name, clock.wall()), "", clock);
}
