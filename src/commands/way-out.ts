// The forward proxy through which connections leave: that of the configuration, or, for a command that is told of our proxy instead
// of it, the one that its environment names.

import type { Config } from "../control/config/load.ts";
import { formatHostPort } from "../core/address.ts";
import { parseForwardProxy, sparing, type WayOut } from "../core/way-out.ts";
import type { UpstreamTrust } from "../proxy/relay/upstream-trust.ts";
import type { SidecarOptions } from "../sidecar/options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says, and what is to be told of it; `line` null: nothing. */
export interface FoundWayOut {
  readonly wayOut: WayOut | null;
  readonly line: string | null;
}

export function wayOutOf({ upstreamProxy, upstreamProxyExcept }: Config): WayOut | null {
  return upstreamProxy && { proxy: upstreamProxy, spares: sparing(upstreamProxyExcept) };
}

/** `trust`: read where the proxy is to be verified, and nobody has read it yet. */
export async function wayOutOptions(
  wayOut: WayOut | null,
  tls: SidecarOptions["tls"],
  trust: () => Promise<UpstreamTrust>,
): Promise<Pick<SidecarOptions, "wayOut" | "trust">> {
  return { wayOut, ...(wayOut?.proxy.isSecure && !tls ? { trust: await trust() } : {}) };
}

/** Those that name a proxy for HTTPS, in the order in which programs prefer them. */
export const tunnelVariables: readonly string[] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const variables = [...tunnelVariables, "http_proxy", "HTTP_PROXY"];

export function wayOutIn(env: Environment): FoundWayOut {
  const name = variables.find((variable) => env[variable]);
  const value = name === undefined ? "" : (env[name] ?? "");
  if (name === undefined || value === "") return { wayOut: null, line: null };
  const proxy = parseForwardProxy(value);
  if (proxy === null) {
    const line = `${name}: expected a proxy such as http://proxy.test:3128 or https://proxy.test, got ${JSON.stringify(hidden(value))}: calls leave without it`;
    return { wayOut: null, line };
  }
  const spared = (env.no_proxy || env.NO_PROXY || "").split(/[\s,]+/);
  return {
    wayOut: { proxy, spares: sparing(spared) },
    line: `calls that are relayed leave through the proxy of ${name}, ${formatHostPort(proxy.at)}${proxy.isSecure ? ", over TLS" : ""}`,
  };
}

/** Credentials are nobody's to read. */
function hidden(value: string): string {
  return value.replace(/\/\/.*@/, "//…@");
}
