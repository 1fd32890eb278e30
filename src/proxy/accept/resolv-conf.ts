// The host's name servers and search list, as resolv.conf names them (resolv.conf(5)).

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";

const maxServers = 8;
const maxDomains = 32;
const staleMs = 5_000;

export interface ResolvConf {
  /** In the order in which they are asked. Where none is named, the one on this machine. */
  readonly nameservers: readonly HostPort[];
  /** Domains that resolvers try behind a name, in lower case, without dots at their ends. */
  readonly search: readonly string[];
  /** Names with fewer dots than this are tried with the search list first. */
  readonly ndots: number;
}

export function parseResolvConf(text: string): ResolvConf {
  const lines = text.split("\n");
  const servers = lines
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIP(address) !== 0)
    .slice(0, maxServers);
  // The last of them counts; `domain` is an old word for a list of one.
  const searches = lines.flatMap((line) => /^\s*(?:search|domain)\s+(.*)/.exec(line)?.[1] ?? []);
  const options = lines.flatMap((line) => /^\s*options\s+(.*)/.exec(line)?.[1]?.split(/\s+/) ?? []);
  const ndots = options.flatMap((option) => /^ndots:(\d{1,3})$/.exec(option)?.[1] ?? []).at(-1) ?? "1";
  return {
    nameservers: (servers.length > 0 ? servers : ["127.0.0.1"]).map((host) => ({ host, port: 53 })),
    search: (searches.at(-1) ?? "")
      .split(/\s+/)
      .map((domain) => domain.toLowerCase().replace(/^\.+|\.+$/g, ""))
      .filter((domain) => domain !== "")
      .slice(0, maxDomains),
    ndots: Math.min(Number(ndots), 15), // RES_MAXNDOTS
  };
}

/** Reads `file` when asked, at most every 5 s: a laptop changes its network while a command runs. */
export function hostResolvConf(clock: Clock, file = "/etc/resolv.conf"): () => ResolvConf {
  let readAt = Number.NEGATIVE_INFINITY;
  let found = parseResolvConf("");
  return () => {
    if (clock.now() - readAt >= staleMs) {
      readAt = clock.now();
      found = parseResolvConf(read(file));
    }
    return found;
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
