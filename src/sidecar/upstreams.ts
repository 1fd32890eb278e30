// How the other side is reached: for relayed bytes, for requests of the sidecar's own, and behind TLS that was opened.
// Where there is a namespace around the program, its own servers are asked there first.

import type { Socket } from "node:net";
import { type HostPort, splitAuthority } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Deadlines } from "../core/deadlines.ts";
import type { Dial } from "../core/link.ts";
import type { ReadBuffers } from "../core/read-buffers.ts";
import { isLoopback } from "../proxy/accept/loop-guard.ts";
import type { TlsLaneDeps } from "../proxy/lanes/tls/lane.ts";
import { createInsideDial } from "../proxy/relay/adopted-link.ts";
import { createDial } from "../proxy/relay/socket-link.ts";
import type { SidecarDeps, SidecarOptions } from "./options.ts";

/** Rejects when the signal aborts first. */
export type ConnectTcp = (upstream: HostPort, signal: AbortSignal) => Promise<Socket>;

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
  { clock }: SidecarDeps,
  shared: { readonly deadlines: Deadlines; readonly buffers: ReadBuffers },
  ownAddresses: ReadonlySet<string>,
): Upstreams {
  const { connectInside, settings } = options;
  const { connectMs } = settings.deadlines;
  const isInside = ({ host }: HostPort) => isLoopback(host) || host === "localhost" || ownAddresses.has(host);
  const timeout = (ms: number) => AbortSignal.timeout(ms);
  const outside = createDial({ clock, connectMs, ...shared });
  const connectTcp: ConnectTcp = async (upstream, signal) => {
    const tcp = await import("../proxy/relay/connect-tcp.ts");
    const connect = connectInside ? tcp.connectTcpInside(isInside, connectInside) : tcp.connectTcp;
    return connect(upstream, signal);
  };
  return {
    dial: connectInside ? createInsideDial(isInside, connectInside, outside, timeout, connectMs) : outside,
    connectTcp,
    loadOpener: openerOf(options, clock, connectTcp),
  };
}

function openerOf(
  { tls, settings }: SidecarOptions,
  clock: Clock,
  connectTcp: ConnectTcp,
): TlsLaneDeps["loadOpener"] {
  const authority = tls?.authority;
  if (!tls || !authority) return null;
  return async (traffic) => {
    const [{ createOpener }, { createSecureDial }] = await Promise.all([
      import("../proxy/lanes/tls/opener.ts"),
      import("../proxy/relay/secure-dial.ts"),
    ]);
    const { connectMs } = settings.deadlines;
    const secureDial = createSecureDial({ ...tls, clock, connectMs, connectTcp });
    return createOpener({ authority, secureDial, traffic });
  };
}

/** The target of a request to an explicit proxy; port 80 where it names none (RFC 9110 §4.2.1). */
export function destinationOf(authority: string): HostPort | null {
  const found = splitAuthority(authority);
  return found && found.host !== "" ? { host: found.host, port: found.port ?? 80 } : null;
}
