// Requests for a tunnel (CONNECT, RFC 9110 §9.3.6). What is asked for is a way to a host and no call to it: what the tunnel carries
// is judged as a connection of its own. So only rules that name the method are about them.

import type { RequestHead } from "../../core/exchange.ts";
import { Call } from "./call.ts";
import type { Candidate } from "./candidate.ts";
import type { Key } from "./key.ts";

const method = "CONNECT";

/** Not extended CONNECT (RFC 8441 §4), which has a path and is a call. */
export function asksForTunnel(head: RequestHead): boolean {
  return head.method === method && head.path === "";
}

/** The candidates that name the method. */
export function tunnelCandidates(candidates: readonly Candidate[]): readonly Candidate[] {
  const call = new Call();
  call.reset({ method, scheme: "http", authority: "", path: "", headers: [], header: () => undefined });
  return candidates.filter((candidate) => namesTunnels(candidate, call));
}

function namesTunnels({ headKeys }: Candidate, call: Call): boolean {
  return headKeys.some((key) => key.name === "method" && key.test(call));
}

/** What every other rule misses, for `explain`. */
export const methodNamed: Key = {
  name: "method",
  anchor: null,
  test: () => false,
  expected: () => `"${method}" named in the rule`,
  actual: () => "a request for a tunnel",
};
