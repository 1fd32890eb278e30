// The forward proxy that the environment names. A command that is told of our proxy instead hears of it no more: then it is we who
// leave through it.

import { BlockList, isIP } from "node:net";
import { formatHostPort, type HostPort } from "../core/address.ts";
import type { WayOut } from "../core/way-out.ts";
import { isLoopback } from "../proxy/accept/loop-guard.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says, and what is to be told of it; `line` null: nothing. */
export interface FoundWayOut {
  readonly wayOut: WayOut | null;
  readonly line: string | null;
}

/** In the order in which programs prefer them. */
const variables = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY"];

export function wayOutOf(env: Environment): FoundWayOut {
  const name = variables.find((variable) => env[variable]);
  const value = name === undefined ? "" : (env[name] ?? "");
  if (name === undefined || value === "") return { wayOut: null, line: null };
  const url = urlOf(value);
  if (url?.protocol !== "http:") {
    const line = `${name}: expected a proxy such as http://proxy.test:3128, got ${JSON.stringify(hidden(value))}: calls leave without it`;
    return { wayOut: null, line };
  }
  const proxy = { host: bare(url.hostname), port: Number(url.port || 80) };
  const spared = sparedBy(env.no_proxy || env.NO_PROXY || "");
  return {
    wayOut: { proxy, authorization: authorizationOf(url), spares: spared },
    line: `calls that are relayed leave through the proxy of ${name}, ${formatHostPort(proxy)}`,
  };
}

/** null: it is none. Without a scheme it means http, as curl takes it. */
function urlOf(value: string): URL | null {
  return URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
}

/** Credentials are nobody's to read. */
function hidden(value: string): string {
  return value.replace(/\/\/.*@/, "//…@");
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

/**
 * By NO_PROXY: hosts with all that is below them, addresses, ranges (`10.0.0.0/8`), `*`; each may name a port. Loopback is always
 * spared.
 */
function sparedBy(text: string): WayOut["spares"] {
  const ranges = new BlockList();
  const entries = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "" && !addedTo(ranges, entry))
    .map((entry) => /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry))
    .map((parts) => ({ host: bare(parts?.[1] ?? ""), port: parts?.[2] }));
  return ({ host, port }: HostPort) => {
    const name = host.toLowerCase();
    if (name === "localhost" || isLoopback(name)) return true;
    const family = isIP(name);
    if (family !== 0 && ranges.check(name, family === 4 ? "ipv4" : "ipv6")) return true;
    return entries.some(
      (entry) =>
        (entry.port === undefined || Number(entry.port) === port) &&
        (entry.host === "*" || name === entry.host || name.endsWith(`.${entry.host}`)),
    );
  };
}

/** Whether the entry is a range. */
function addedTo(ranges: BlockList, entry: string): boolean {
  const [, address = "", bits = ""] = /^([\da-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return false;
  ranges.addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return true;
}
