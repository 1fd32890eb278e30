// How connections leave where they may not go directly: through a forward proxy, which is spoken to in the clear or over TLS.

import { BlockList, isIP } from "node:net";
import { formatHostPort, type HostPort } from "./address.ts";

export interface ForwardProxy {
  readonly at: HostPort;
  /** Spoken to over TLS. */
  readonly isSecure: boolean;
  /** Value of Proxy-Authorization (RFC 9110 §11.7.2); null: it asks for none. */
  readonly authorization: string | null;
}

export interface WayOut {
  readonly proxy: ForwardProxy;
  /** Whether an upstream is reached without it. */
  spares(upstream: HostPort): boolean;
}

/** The request for a tunnel to `upstream` (RFC 9110 §9.3.6). */
export function connectHead({ authorization }: ForwardProxy, upstream: HostPort): Buffer {
  const place = formatHostPort(upstream);
  const credentials = authorization === null ? "" : `Proxy-Authorization: ${authorization}\r\n`;
  return Buffer.from(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${credentials}\r\n`, "latin1");
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** `http(s)://user:password@host:port`; `http`, as programs take it, goes without saying. null: no such proxy. */
export function parseForwardProxy(text: string): ForwardProxy | null {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  const usualPort = url === null ? undefined : defaultPorts[url.protocol];
  if (url === null || usualPort === undefined || url.hostname === "" || url.port === "0") return null;
  const at = { host: bare(url.hostname), port: Number(url.port || usualPort) };
  return { at, isSecure: url.protocol === "https:", authorization: authorizationOf(url) };
}

/** As people read it, without credentials. */
export function forwardProxyText({ at, isSecure }: ForwardProxy): string {
  return `${isSecure ? "https" : "http"}://${formatHostPort(at)}`;
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

function authorizationOf({ username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")}`;
}

/** A percent sign that begins no octet stands for itself. */
function decoded(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (octets) =>
    Buffer.from(octets.replaceAll("%", ""), "hex").toString(),
  );
}

/** Hosts with all that is below them (`shop.test`, `.shop.test`, `*.shop.test`), which may name a port; addresses, ranges (`10.0.0.0/8`), `*`. */
export function sparing(entries: readonly string[]): WayOut["spares"] {
  const ranges = new BlockList();
  const hosts = entries.flatMap((entry) => {
    const text = entry.toLowerCase();
    if (text === "" || addedTo(ranges, text)) return [];
    const [, host = "", port] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(text) ?? [];
    return [{ host: bare(host), port: port === undefined ? null : Number(port) }];
  });
  return ({ host, port }) => {
    const name = host.toLowerCase();
    const family = isIP(name);
    if (family !== 0 && ranges.check(name, family === 4 ? "ipv4" : "ipv6")) return true;
    return hosts.some(
      (entry) =>
        (entry.port === null || entry.port === port) &&
        (entry.host === "*" || name === entry.host || name.endsWith(`.${entry.host}`)),
    );
  };
}

/** Whether the entry is a range, or a whole IPv6 address, whose colons name no port. */
function addedTo(ranges: BlockList, entry: string): boolean {
  const [, address = "", bits] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || Number(bits ?? most) > most) return false;
  ranges.addSubnet(address, Number(bits ?? most), family === 4 ? "ipv4" : "ipv6");
  return true;
}
