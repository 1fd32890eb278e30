// Which rules could claim a call inside a TLS connection, told by what is known before it is opened: the server's name
// and the connection. Everything else of a rule can only be seen inside.

import type { ConnectionFacts } from "../../core/connection.ts";
import type { RequestHead } from "../../core/exchange.ts";
import { faultsKey } from "./calm-rule.ts";
import { type Candidate, noKeys } from "./candidate.ts";

/** Of the scope: whether the rule can claim anything at all now. */
export const lifeKeys: ReadonlySet<string> = new Set(["scope.expiresAt", faultsKey.name]);
const keysBefore: ReadonlySet<string> = new Set(["host", "destination", "direction"]);

/** The candidates with only the conditions that can be tested before; one stands for all that are alike. */
export function secureCandidates(candidates: readonly Candidate[]): readonly Candidate[] {
  const seenHosts = new Set<string>();
  return candidates.flatMap((candidate) => {
    const headKeys = candidate.headKeys.filter(({ name }) => keysBefore.has(name));
    const scopeKeys = candidate.scopeKeys.filter(({ name }) => lifeKeys.has(name));
    const [only, ...more] = headKeys;
    const timeless = scopeKeys.every((key) => key === faultsKey);
    if (only?.anchor?.settles && only.anchor.dimension === "host" && more.length === 0 && timeless) {
      const alike = `${only.anchor.value} ${scopeKeys.length}`;
      if (seenHosts.has(alike)) return [];
      seenHosts.add(alike);
    }
    return [{ ...candidate, headKeys, bodyKeys: noKeys, scopeKeys }];
  });
}

/** A call to that server of which nothing is known but its host. */
export function headOfServer(serverName: string, { originalDestination }: ConnectionFacts): RequestHead {
  const host = serverName.includes(":") ? `[${serverName}]` : serverName;
  const port = originalDestination?.port ?? 443;
  return {
    method: "",
    scheme: "https",
    authority: host === "" ? "" : `${host}:${port}`,
    path: "",
    headers: [],
    header: () => undefined,
  };
}
