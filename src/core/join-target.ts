// Whom a member of the mesh joins: an address, all addresses of a DNS name, or whoever is found in the store of rules.

import { type HostPort, splitAuthority } from "./address.ts";

export type JoinTarget = { readonly kind: "address"; readonly at: HostPort } | { readonly kind: "store" };

/** Serf's port, which ours is too where nobody says otherwise. */
export const usualGossipPort = 7_946;

/** `store:`, `10.0.0.7:7946`, `mesh.shop.svc` (at the usual port). undefined: none of them. */
export function parseJoinTarget(text: string): JoinTarget | undefined {
  if (text === "store:") return { kind: "store" };
  const found = splitAuthority(text);
  if (found === undefined || found.host === "" || found.port === 0) return undefined;
  return { kind: "address", at: { host: found.host, port: found.port ?? usualGossipPort } };
}
