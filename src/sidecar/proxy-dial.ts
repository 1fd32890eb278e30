// Connections that leave through a forward proxy: each by a tunnel that the proxy is asked for.
//
//   dial the proxy ──► TLS with it, where it is spoken to so ──► CONNECT (asked-link.ts) ──► the upstream

import { isIP } from "node:net";
import type { HostPort } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Dial } from "../core/link.ts";
import type { ReadBuffers } from "../core/read-buffers.ts";
import { connectHead, type ForwardProxy } from "../core/way-out.ts";
import { AskedLink, type AskedLinkDeps } from "../proxy/lanes/http1/asked-link.ts";
import { linkOver } from "../proxy/relay/adopted-link.ts";
import type { SecureDialDeps } from "../proxy/relay/secure-dial.ts";
import type { UpstreamTrust } from "../proxy/relay/upstream-trust.ts";

/** Through the proxy of an upstream, where it has one. `toProxy`: how that is reached. */
export function dialThrough(
  proxyFor: (upstream: HostPort) => ForwardProxy | null,
  direct: Dial,
  toProxy: Dial,
  deps: AskedLinkDeps,
): Dial {
  return (upstream, events) => {
    const proxy = proxyFor(upstream);
    if (!proxy) return direct(upstream, events);
    const request = { proxy: proxy.at, dial: toProxy, head: connectHead(proxy, upstream) };
    return new AskedLink(upstream, events, request, deps);
  };
}

export interface SecureProxyDeps {
  readonly clock: Clock;
  readonly connectMs: number;
  readonly buffers: ReadBuffers;
  readonly trust: UpstreamTrust;
  readonly connectTcp: SecureDialDeps["connectTcp"];
}

/** TLS to a proxy, which is verified by its name, or its address where it is named by that. Loaded with the first connection. */
export function createSecureProxyDial({ buffers, trust, ...deps }: SecureProxyDeps): Dial {
  const load = async () => {
    const [{ createSecureInlets }, { createHandshakes }] = await Promise.all([
      import("../proxy/accept/secure-reads.ts"),
      import("../proxy/relay/secure-dial.ts"),
    ]);
    return createHandshakes({ ...trust, ...deps, inletOf: createSecureInlets(buffers) });
  };
  let loading: ReturnType<typeof load> | null = null;
  return (proxy, events) => {
    loading ??= load();
    const serverName = isIP(proxy.host) === 0 ? proxy.host : "";
    const aim = { upstream: proxy, serverName, protocols: ["http/1.1"] };
    return linkOver(
      proxy,
      events,
      loading.then((handshake) => handshake(aim)),
    );
  };
}
