// Where a client dialled, as users write it: `10.1.2.3:443`, `10.0.0.0/8`, `:5432`, `[::1]:80`, `db.local:5432`.

import { isIP, isIPv4, isIPv6 } from "node:net";
import * as z from "zod";
import type { DestinationMatch } from "../../../core/rule.ts";

const expected = "an address such as 10.1.2.3:443, 10.0.0.0/8, :5432, [::1]:80 or db.local:5432";

/** Reads a destination; undefined where it is malformed. A bare IPv6 address or range needs no brackets without a port. */
export function parseDestination(written: string): DestinationMatch | undefined {
  const bare = rangeOf(written);
  if (bare !== undefined) return { cidr: bare, hostname: null, port: null };
  const parts = /^(?:\[([^\]\s]+)\]|([^\s:[\]]*))(?::(\d{1,5}))?$/.exec(written);
  if (!parts) return undefined;
  const [, bracketed, plain = "", portText] = parts;
  const port = portText === undefined ? null : Number(portText);
  if (port !== null && (port < 1 || port > 65_535)) return undefined;
  if (bracketed !== undefined) {
    const cidr = isIPv6(bracketed.replace(/\/.*$/, "")) ? rangeOf(bracketed) : undefined;
    return cidr === undefined ? undefined : { cidr, hostname: null, port };
  }
  if (plain === "") return port === null ? undefined : { cidr: null, hostname: null, port };
  const cidr = rangeOf(plain);
  if (cidr !== undefined) return { cidr, hostname: null, port };
  return isHostname(plain) ? { cidr: null, hostname: plain.toLowerCase(), port } : undefined;
}

/** `10.0.0.0/8` as it is, an address with its full length, undefined for anything else. */
function rangeOf(written: string): string | undefined {
  const [address = "", length, ...more] = written.split("/");
  if (more.length > 0 || address.includes("%") || isIP(address) === 0) return undefined;
  const full = isIPv4(address) ? 32 : 128;
  if (length === undefined) return `${address}/${full}`;
  return /^\d{1,3}$/.test(length) && Number(length) <= full ? `${address}/${Number(length)}` : undefined;
}

/** RFC 1123 §2.1, and `_` as containers use it; not something that only looks like an IPv4 address. */
function isHostname(written: string): boolean {
  if (written.length > 253 || /^[\d.]+$/.test(written)) return false;
  return /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/.test(
    written,
  );
}

export const destination = z.string(expected).transform((written, context) => {
  const parsed = parseDestination(written);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: expected, params: { expectation: true } });
  return z.NEVER;
});
