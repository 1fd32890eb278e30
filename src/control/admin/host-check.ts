// Guards the admin port against web pages that rebind their own DNS name to it: a browser then sends that name in Host.

import { isIP } from "node:net";
import { splitAuthority } from "../../core/address.ts";

/**
 * True for a Host field that no rebinding can produce: an IP address, a loopback name, or one of `names` (in lower
 * case). A missing field passes too: every browser sends one.
 */
export function isTrustedHost(field: string | undefined, names: ReadonlySet<string>): boolean {
  if (field === undefined || field === "") return true;
  const host = splitAuthority(field)?.host.toLowerCase().replace(/\.$/, "");
  if (host === undefined) return false;
  return isIP(host) !== 0 || host === "localhost" || host.endsWith(".localhost") || names.has(host);
}
