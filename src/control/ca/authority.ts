// An authority at work: signs leaves with one key of either kind for all of them, which is made with the first leaf that needs
// it and lives as long as the process.

import type { Authority, LeafKey } from "../../core/certificates.ts";
import type { Clock } from "../../core/clock.ts";
import { type AuthorityPair, newAuthority, newLeaf } from "./certificates.ts";
import { type KeyPair, newKeys, signingAlgorithmOf } from "./keys.ts";

/** `replaced`: PEM of an older certificate that clients still may meet; "" where there is none. */
export function authorityOf(pair: AuthorityPair, replaced: string, clock: Pick<Clock, "wall">): Authority {
  const leafKeys: Partial<Record<LeafKey, Promise<KeyPair>>> = {};
  return {
    trust: `${pair.certificate.trim()}\n${replaced === "" ? "" : `${replaced.trim()}\n`}`,
    scheme: signingAlgorithmOf(pair.keys.privateKey).scheme,
    async issue(name, key = "ec") {
      leafKeys[key] ??= newKeys(key);
      return newLeaf(pair, name, await leafKeys[key], clock.wall());
    },
  };
}

/** One that nobody keeps: its key is in the memory of this process alone. */
export async function passingAuthority(name: string, clock: Pick<Clock, "wall">): Promise<Authority> {
  return authorityOf(await newAuthority(name, clock.wall()), "", clock);
}
