// Where the members are whom we join: addresses, everything that a DNS name stands for (a headless service), and whoever says
// in the store of rules that it gossips. Asked anew at each attempt.

import { isIP } from "node:net";
import { formatHostPort, type HostPort, splitAuthority } from "../../../core/address.ts";
import { messageOf } from "../../../core/errors.ts";
import type { JoinTarget } from "../../../core/join-target.ts";

export interface JoinSources {
  /** All addresses of a name; rejects where it has none. */
  readonly lookUp: (name: string) => Promise<readonly string[]>;
  /** `host:port` of the members in the store; null: there is no store. */
  readonly inStore: ((signal: AbortSignal) => Promise<readonly string[]>) | null;
}

export interface FoundAddresses {
  /** Each once; our own left out. */
  readonly addresses: readonly HostPort[];
  readonly problems: readonly string[];
}

/** Never rejects. */
export async function joinAddresses(
  targets: readonly JoinTarget[],
  self: HostPort,
  sources: JoinSources,
  signal: AbortSignal,
): Promise<FoundAddresses> {
  const problems: string[] = [];
  const lists = await Promise.all(
    targets.map(async (target) => {
      try {
        return await addressesOf(target, sources, signal);
      } catch (thrown) {
        const what = target.kind === "store" ? "store:" : formatHostPort(target.at);
        problems.push(`${what}: ${messageOf(thrown)}`);
        return [];
      }
    }),
  );
  const found = new Map(lists.flat().map((address) => [formatHostPort(address), address]));
  found.delete(formatHostPort(self));
  return { addresses: [...found.values()], problems };
}

async function addressesOf(
  target: JoinTarget,
  { lookUp, inStore }: JoinSources,
  signal: AbortSignal,
): Promise<readonly HostPort[]> {
  if (target.kind === "address") {
    const { host, port } = target.at;
    if (isIP(host) !== 0) return [target.at];
    return (await lookUp(host)).map((address) => ({ host: address, port }));
  }
  const texts = (await inStore?.(signal)) ?? [];
  return texts.flatMap((text) => {
    const found = splitAuthority(text);
    return found?.port && isIP(found.host) !== 0 ? [{ host: found.host, port: found.port }] : [];
  });
}
