// How the other side is reached: for relayed bytes, for requests of the sidecar's own, and behind TLS that was opened.
// Where there is a namespace around the program, its own servers are asked there first.

import { type HostPort, splitAuthority } from "../core/address.ts";
import type { Deadlines } from "../core/deadlines.ts";
import type { Carrier, Dial } from "../core/link.ts";
import type { ReadBuffers } from "../core/read-buffers.ts";
import type { Shortcut } from "../core/shortcut.ts";
import { isLoopback } from "../proxy/accept/loop-guard.ts";
import { LinkStream } from "../proxy/lanes/link-stream.ts";
import type { TlsLaneDeps } from "../proxy/lanes/tls/lane.ts";
import { createInsideDial } from "../proxy/relay/adopted-link.ts";
import { createDial } from "../proxy/relay/socket-link.ts";
import type { UpstreamTrust } from "../proxy/relay/upstream-trust.ts";
import { debuggedDial, debuggedSecureDial } from "./debugged.ts";
import type { SidecarDeps, SidecarOptions } from "./options.ts";
import { createSecureProxyDial, dialThrough } from "./proxy-dial.ts";

/** Rejects when the signal aborts first, or the stream breaks later, because it could not be opened. */
export type ConnectTcp = (upstream: HostPort, signal: AbortSignal) => Promise<Carrier>;

/** The ways out of one sidecar. */
export interface Upstreams {
  /** For relayed bytes. */
  readonly dial: Dial;
  /** For requests of the sidecar's own. */
  readonly connectTcp: ConnectTcp;
  /** What opens TLS, loaded with the first connection that a rule concerns; null: it is relayed unread. */
  readonly loadOpener: TlsLaneDeps["loadOpener"];
}

/** `ownAddresses`: of this machine, and so of the namespace too. */
export function createUpstreams(
  options: SidecarOptions,
  deps: SidecarDeps,
  shared: { readonly deadlines: Deadlines; readonly buffers: ReadBuffers; readonly shortcut: Shortcut },
  ownAddresses: ReadonlySet<string>,
): Upstreams {
  const { clock, debug } = deps;
  const { connectInside, settings } = options;
  const { connectMs } = settings.deadlines;
  const isInside = ({ host }: HostPort) => isLoopback(host) || host === "localhost" || ownAddresses.has(host);
  const timeout = (ms: number) => AbortSignal.timeout(ms);
  const outside = createDial({ clock, connectMs, ...shared });
  const direct = connectInside
    ? createInsideDial(isInside, connectInside, outside, timeout, connectMs)
    : outside;
  const { wayOut } = options;
  const proxyFor = (upstream: HostPort) =>
    !wayOut || isInside(upstream) || wayOut.spares(upstream) ? null : wayOut.proxy;
  const asking = { clock, limits: settings.limits, connectMs };
  const connectDirect: ConnectTcp = async (upstream, signal) => {
    const tcp = await import("../proxy/relay/connect-tcp.ts");
    const connect = connectInside ? tcp.connectTcpInside(isInside, connectInside) : tcp.connectTcp;
    return connect(upstream, signal);
  };
  const trust = options.tls ?? options.trust ?? systemTrust;
  const toProxy = wayOut?.proxy.isSecure
    ? createSecureProxyDial({ clock, connectMs, trust, buffers: shared.buffers, connectTcp: connectDirect })
    : direct;
  const dial = wayOut ? dialThrough(proxyFor, direct, toProxy, asking) : direct;
  const connectTcp: ConnectTcp = async (upstream, signal) =>
    proxyFor(upstream) ? new LinkStream(upstream, dial) : connectDirect(upstream, signal);
  return {
    dial: debug ? debuggedDial(dial, debug, clock) : dial,
    connectTcp,
    loadOpener: openerOf(options, deps, shared.buffers, connectTcp),
  };
}

const systemTrust: UpstreamTrust = { extraRoots: [], clientCertificates: [], unverified: [] };

function openerOf(
  { tls, settings }: SidecarOptions,
  { clock, debug }: SidecarDeps,
  buffers: ReadBuffers,
  connectTcp: ConnectTcp,
): TlsLaneDeps["loadOpener"] {
  const authority = tls?.authority;
  if (!tls || !authority) return null;
  return async (traffic) => {
    const [{ createSecureInlets }, { createOpener }, { createSecureDial }] = await Promise.all([
      import("../proxy/accept/secure-reads.ts"),
      import("../proxy/lanes/tls/opener.ts"),
      import("../proxy/relay/secure-dial.ts"),
    ]);
    const { connectMs } = settings.deadlines;
    const inletOf = createSecureInlets(buffers);
    const secureDial = createSecureDial({ ...tls, clock, connectMs, connectTcp, inletOf });
    return createOpener({
      authority,
      secureDial: debug ? debuggedSecureDial(secureDial, debug) : secureDial,
      inletOf,
      traffic,
    });
  };
}

/** The target of a request to an explicit proxy; port 80 where it names none (RFC 9110 §4.2.1). */
export function destinationOf(authority: string): HostPort | null {
  const found = splitAuthority(authority);
  return found && found.host !== "" ? { host: found.host, port: found.port ?? 80 } : null;
}
