// Tells whether relaying to a destination would come back to a listener of ours. Pure; sockets are others' work.

import { isIP } from "node:net";
import type { HostPort } from "../../core/address.ts";

/**
 * True where `destination` is one of `listeners`, so that relaying to it would never end. A listener on a wildcard
 * address (`0.0.0.0`, `::`) covers loopback and every one of `ownAddresses`, the addresses of this machine.
 * Names are compared as written: `localhost` is loopback, another name is nobody's until it is resolved.
 */
export function wouldLoop(
  destination: HostPort,
  listeners: readonly HostPort[],
  ownAddresses: ReadonlySet<string>,
): boolean {
  for (const listener of listeners) {
    if (listener.port === destination.port && covers(listener.host, destination.host, ownAddresses))
      return true;
  }
  return false;
}

function covers(listener: string, destination: string, ownAddresses: ReadonlySet<string>): boolean {
  const bound = plain(listener);
  const dialled = plain(destination);
  if (bound === dialled) return true;
  if (dialled === "localhost") return isLoopback(bound) || isWildcard(bound);
  // Dialling the wildcard reaches loopback (Linux), whoever listens there.
  if (isWildcard(dialled)) return isWildcard(bound) || isLoopback(bound);
  return isWildcard(bound) && (isLoopback(dialled) || ownAddresses.has(dialled));
}

/** True for 127.0.0.0/8, `::1`, and their IPv4-mapped form. */
export function isLoopback(host: string): boolean {
  const address = plain(host);
  return address === "::1" || (isIP(address) === 4 && address.startsWith("127."));
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Without the prefix of IPv4-mapped IPv6 and without letter case. */
function plain(host: string): string {
  const text = host.toLowerCase();
  return text.startsWith("::ffff:") && text.includes(".") ? text.slice(7) : text;
}
