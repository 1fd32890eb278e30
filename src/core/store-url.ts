// `consul://127.0.0.1:8500/understudy/rules/` taken apart. A secret in it is refused: it would show in lists of processes.

import { isIP } from "node:net";
import { formatHostPort, type HostPort, splitAuthority } from "./address.ts";

export interface StoreUrl {
  readonly kind: "consul" | "etcd";
  readonly secure: boolean;
  /** At least one; tried in turn. */
  readonly hosts: readonly HostPort[];
  /** Ends in a slash. */
  readonly prefix: string;
}

export const defaultPrefix = "understudy/rules/";
const usualPorts = { consul: 8_500, etcd: 2_379 } as const;
const maxHosts = 32;

/** undefined: not such a URL. Several hosts are parted by commas; `consul+https` and `etcd+https` speak TLS, the latter with names alone. */
export function parseStoreUrl(text: string): StoreUrl | undefined {
  const found = /^(consul|etcd)(\+https)?:\/\/([^/?#@\s]+)(\/[^?#\s]*)?$/.exec(text);
  if (!found) return undefined;
  const [, scheme, tls, authorities = "", path = ""] = found;
  const kind = scheme === "consul" ? "consul" : "etcd";
  const hosts: HostPort[] = [];
  for (const authority of authorities.split(",")) {
    const part = splitAuthority(authority);
    if (!part || part.host === "") return undefined;
    hosts.push({ host: part.host, port: part.port ?? usualPorts[kind] });
  }
  if (hosts.length > maxHosts) return undefined;
  // The client of etcd sends the host as the server name of TLS, which may not be an address (RFC 6066 §3).
  if (kind === "etcd" && tls !== undefined && hosts.some(({ host }) => isIP(host) !== 0)) return undefined;
  const folder = path.replace(/^\/+|\/+$/g, "");
  return { kind, secure: tls !== undefined, hosts, prefix: folder === "" ? defaultPrefix : `${folder}/` };
}

/** The URL as `parseStoreUrl` reads it back. */
export function formatStoreUrl({ kind, secure, hosts, prefix }: StoreUrl): string {
  const folder = prefix === defaultPrefix ? "" : `/${prefix}`;
  return `${kind}${secure ? "+https" : ""}://${hosts.map(formatHostPort).join(",")}${folder}`;
}
