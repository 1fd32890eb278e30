// What is answered for a name that the host's name servers do not resolve: an address of ours where a rule could answer calls to
// it, and nothing else than they said otherwise.
//
//     name servers ──► an answer ──────────────────────────────────────────────────► as it is
//                  └─► NXDOMAIN, SERVFAIL, REFUSED, silence
//                        ├─ a rule could answer for the name ──► A: an address of ours; AAAA, HTTPS, SVCB: no data
//                        ├─ … for the name without a search domain, and they said nothing certain ──► NXDOMAIN
//                        └─ else ─────────────────────────────────────────────────► as it is

import type { DebugLine } from "../../core/debug.ts";
import { addressAnswer, answerCodes, type DnsHead, noData, noSuchName, recordTypes } from "./dns-message.ts";
import { isLookedUp, withoutSearchDomain } from "./host-names.ts";
import type { ResolvConf } from "./resolv-conf.ts";
import type { StandInAddresses } from "./stand-in-addresses.ts";

/** How a look-up failed: the code of the answer, or null where none came. */
export type Failure = number | null;

/** Answers where the name servers do not resolve a name. */
export interface StandIn {
  /** Whether there may be something to say in place of them. */
  covers(head: DnsHead): boolean;
  /** null: what they said stands. `exists`: whether they know another name. Never rejects where `exists` does not. */
  answer(
    query: Buffer,
    head: DnsHead,
    failure: Failure,
    exists: (name: string) => Promise<boolean>,
  ): Promise<Buffer | null>;
}

export interface StandInDeps {
  /** Whether rules could answer calls to a host of that name. */
  readonly answersHost: (name: string) => boolean;
  readonly addresses: StandInAddresses;
  readonly resolvConf: () => Pick<ResolvConf, "search" | "ndots">;
  readonly debug: DebugLine;
}

/** A name that comes to life, or loses its rule, is noticed within this. */
const ttlSeconds = 5;

const failures: ReadonlyMap<Failure, string> = new Map([
  [answerCodes.NXDOMAIN, "the name servers say NXDOMAIN"],
  [answerCodes.SERVFAIL, "the name servers say SERVFAIL"],
  [answerCodes.REFUSED, "the name servers say REFUSED"],
  [null, "no name server answers"],
]);

/** Types that a client asks for before it connects. */
const concerned: ReadonlySet<number> = new Set(Object.values(recordTypes));

/** True for an answer in place of which something else may be said. */
export function isFailure(code: number): boolean {
  return failures.has(code);
}

export function createStandIn({ answersHost, addresses, resolvConf, debug }: StandInDeps): StandIn {
  const answersFor = (name: string) => isLookedUp(name) && answersHost(name);
  const searchedFor = (name: string) => withoutSearchDomain(name, resolvConf().search);

  /** A resolver that tries its search list first must come to the name that was meant, where there is one. */
  async function isDetour(name: string, exists: (name: string) => Promise<boolean>): Promise<boolean> {
    const { ndots } = resolvConf();
    const meant = searchedFor(name).filter((bare) => bare.split(".").length <= ndots && !answersFor(bare));
    for (const bare of meant) if (await exists(bare)) return true;
    return false;
  }

  return {
    covers({ name, type }) {
      if (name === null || !concerned.has(type)) return false;
      return answersFor(name) || searchedFor(name).some(answersFor);
    },
    async answer(query, head, failure, exists) {
      const { name, type } = head;
      const why = failures.get(failure);
      if (name === null || why === undefined || !concerned.has(type)) return null;
      if (!answersFor(name)) {
        // musl gives up at anything but a certain answer, before it comes to the bare name.
        const isCertain = failure === answerCodes.NXDOMAIN;
        return !isCertain && searchedFor(name).some(answersFor) ? noSuchName(query, head) : null;
      }
      if (await isDetour(name, exists)) return null;
      if (type !== recordTypes.A) return noData(query, head);
      const address = addresses.addressOf(name, why);
      debug(() => `${name} → ${address.join(".")}, since ${why} and a rule could answer for it`);
      return addressAnswer(query, head, address, ttlSeconds);
    },
  };
}
