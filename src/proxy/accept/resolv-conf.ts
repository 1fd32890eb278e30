// The host's name servers, as resolv.conf names them (resolv.conf(5)).

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";

const maxServers = 8;
const staleMs = 5_000;

/** Servers in the order in which they are asked. Without any, the one on this machine (resolv.conf(5)). */
export function parseResolvConf(text: string): readonly HostPort[] {
  const servers = text
    .split("\n")
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIP(address) !== 0)
    .slice(0, maxServers);
  return (servers.length > 0 ? servers : ["127.0.0.1"]).map((host) => ({ host, port: 53 }));
}

/** Reads `file` when asked, at most every 5 s: a laptop changes its network while a command runs. */
export function hostNameservers(clock: Clock, file = "/etc/resolv.conf"): () => readonly HostPort[] {
  let readAt = Number.NEGATIVE_INFINITY;
  let servers: readonly HostPort[] = [];
  return () => {
    if (clock.now() - readAt >= staleMs) {
      readAt = clock.now();
      servers = parseResolvConf(read(file));
    }
    return servers;
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
