// Network addresses as values: parsing and printing of host:port, without any look-up.

import { isIP } from "node:net";
import { UnderstudyError } from "./errors.ts";

/** A host (name, IPv4 or IPv6 without brackets) and a TCP port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with brackets around IPv6. */
export function formatHostPort(address: HostPort): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Reads `host:port`, `[v6]:port`, `:port` (then `defaultHost`), or a bare host where `defaultPort` is given.
 * `field` names the place in the error. Throws `bad_config`.
 */
export function parseHostPort(
  text: string,
  field: string,
  defaults: { host?: string; port?: number } = {},
): HostPort {
  const found = splitAuthority(text);
  const host = found?.host || defaults.host;
  const port = found?.port ?? defaults.port;
  if (host === undefined || port === undefined) {
    throw new UnderstudyError(
      "bad_config",
      `${field}: expected an address such as 127.0.0.1:8080, got ${JSON.stringify(text)}`,
    );
  }
  return { host, port };
}

/** Splits an authority (`example.com:80`, `[::1]:80`, `example.com`); undefined where it is malformed. */
export function splitAuthority(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/@]*))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2] ?? "";
  if (match[1] !== undefined && isIP(match[1]) !== 6) return undefined;
  const port = match[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && port > 65_535) return undefined;
  if (host === "" && port === undefined) return undefined;
  return { host, port };
}
