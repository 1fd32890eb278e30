// Reads which addresses the host wears, so that the namespace can wear them too.

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { HostNetwork } from "./network.ts";

// A machine full of container bridges has hundreds; a program looks at the first few.
const maxAddresses = 16;

/** The addresses of this machine as it stands. */
export function readHostNetwork(): HostNetwork {
  return hostNetwork(Object.values(networkInterfaces()).flat(), readRoutes());
}

function readRoutes(): string {
  try {
    return readFileSync("/proc/net/ipv6_route", "utf8");
  } catch {
    return ""; // a kernel without IPv6
  }
}

/** `routes`: the text of /proc/net/ipv6_route. */
export function hostNetwork(
  interfaces: readonly (NetworkInterfaceInfo | undefined)[],
  routes: string,
): HostNetwork {
  const addresses = interfaces.flatMap((entry) => (entry && !entry.internal ? [entry.address] : []));
  const unique = (family: 4 | 6) =>
    [...new Set(addresses)].filter((address) => isIP(address) === family).slice(0, maxAddresses);
  return {
    ipv4: unique(4),
    ipv6: unique(6).filter((address) => !/^fe[89ab]/i.test(address)), // fe80::/10 is of one link
    ipv6Route: routes.split("\n").some(isDefaultRoute),
  };
}

/** Destination, prefix length, …, device. Routes that reject stand on lo. */
function isDefaultRoute(line: string): boolean {
  const fields = line.trim().split(/\s+/);
  return /^0{32}$/.test(fields[0] ?? "") && fields[1] === "00" && fields[9] !== "lo";
}
