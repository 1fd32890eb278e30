// One accepted downstream socket and what is known about it before any byte is understood.

import type { Socket } from "node:net";
import type { HostPort } from "./address.ts";
import type { Inlet } from "./inlet.ts";
import type { Dial } from "./link.ts";

/** Seen from the service: `inbound` calls reach it, `outbound` calls leave it. */
export type Direction = "inbound" | "outbound";

/** What a rule may know of the connection that carries a call. */
export interface ConnectionFacts {
  /** Unique in this process; also the key of `decideBy: connection`. */
  readonly id: string;
  readonly direction: Direction;
  /** Who connected to us. */
  readonly downstream: HostPort;
  /**
   * Where the client dialled; null for an explicit proxy, where each request names its own. A name where the client dialled an
   * address that stands for one.
   */
  readonly originalDestination: HostPort | null;
  /** How its links are opened, where not as those of everybody: over TLS, with what its client asked for. */
  readonly dial?: Dial;
  /** Why nothing can be dialled where it is destined for, for people: then `dial` refuses. Left out: something can. */
  readonly nowhere?: string;
}

export interface Connection extends ConnectionFacts {
  /** Owned by the lane that serves the connection, which also closes it. Half-open is allowed. */
  readonly socket: Socket;
  /** The swift way to read it; left out where there is none: then `data` events are the only one. */
  readonly inlet?: Inlet;
  /**
   * What the client knows. `transparent`: nothing, so a failure must look like the upstream's own. `fixed`: it dialled
   * us instead of the upstream. `proxy`: each of its requests names a target of its own.
   */
  readonly mode: "transparent" | "fixed" | "proxy";
  /** What its calls are made over; left out: `http`. */
  readonly scheme?: "http" | "https";
  /** The socket that was accepted, where `socket` is what TLS makes of it. */
  readonly transport?: Socket;
  /** SNI of the TLS that was opened, or "". */
  readonly serverName?: string;
  /** Aborts when the downstream is gone or the sidecar gives the connection up. */
  readonly signal: AbortSignal;
  /** The same socket once it is a tunnel to `destination` (CONNECT): its next bytes are a protocol of their own. */
  tunnelTo(destination: HostPort, way?: TunnelWay): Connection;
}

/** How the destination of a tunnel is reached, where not as that of everybody: through the proxy that its client asked. */
export type TunnelWay = Required<Pick<ConnectionFacts, "dial">> & Pick<ConnectionFacts, "nowhere">;
