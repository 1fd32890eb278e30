// The server's part of TLS handshakes: one leaf per server name, and an RSA leaf beside it for the few clients that may want one,
// kept for the next connection. A connection is handed to it when it has been decided to open it. Each gets a TLSSocket of its
// own: the events of a tls.Server do not say which of the connections that it was given they are about.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Authority } from "../../../core/certificates.ts";
import type { Clock } from "../../../core/clock.ts";
import type { Inlet, SecureInlets } from "../../../core/inlet.ts";

/** A connection whose handshake is done. */
export interface Secured {
  readonly socket: TLSSocket;
  /** The swift way to read it; null: its events are the only one. */
  readonly inlet: Inlet | null;
}

export interface LeafServer {
  /**
   * Does the server's part of the handshake on a socket whose ClientHello has been put back. `protocol`: what ALPN shall
   * agree on; null: no ALPN. Rejects with OpenSSL's error, or another where the client left or took too long; the socket
   * is gone then. `spoke`: called before the first bytes within are handed on, where there is an inlet.
   */
  accept(socket: Socket, protocol: string | null, spoke: () => void): Promise<Secured>;
}

/** `either`: OpenSSL picks what the client takes, with an RSA leaf beside the EC leaf. */
export type LeafKeys = "ec" | "either";

export interface LeafServers {
  /** Rejects where no leaf can be issued. */
  for(name: string, keys: LeafKeys): Promise<LeafServer>;
  /** Kept at present. */
  readonly size: number;
}

export interface LeafServersDeps {
  readonly authority: Authority;
  readonly clock: Pick<Clock, "wall" | "after">;
  /** Kept at most; the least recently used goes first. */
  readonly most: number;
  readonly handshakeMs: number;
  readonly inletOf: SecureInlets;
}

interface Kept {
  readonly server: Promise<LeafServer>;
  renewAtMs: number;
}

export function createLeafServers(deps: LeafServersDeps): LeafServers {
  const kept = new Map<string, Kept>(); // in the order of use
  // One for all names, so that a ticket is good whichever of them gets it; gone with the process.
  const ticketKeys = randomBytes(48);

  async function make(name: string, keys: LeafKeys, entry: () => Kept): Promise<LeafServer> {
    const kinds = keys === "ec" ? (["ec"] as const) : (["ec", "rsa"] as const);
    const leaves = await Promise.all(kinds.map((kind) => deps.authority.issue(name, kind)));
    entry().renewAtMs = Math.min(...leaves.map(({ renewAtMs }) => renewAtMs));
    const context = createSecureContext({
      cert: leaves.map(({ chain }) => chain),
      key: leaves.map(({ key }) => key),
      ticketKeys,
      sessionIdContext: "understudy",
    });
    return leafServer(context, deps);
  }

  return {
    for(name, keys) {
      const place = keys === "ec" ? name : `${name} ${keys}`;
      const known = kept.get(place);
      kept.delete(place);
      if (known && deps.clock.wall() < known.renewAtMs) {
        kept.set(place, known);
        return known.server;
      }
      const fresh: Kept = {
        renewAtMs: Number.POSITIVE_INFINITY,
        server: Promise.resolve().then(() => make(name, keys, () => fresh)),
      };
      fresh.server.catch(() => {
        if (kept.get(place) === fresh) kept.delete(place);
      });
      kept.set(place, fresh);
      for (const oldest of kept.keys()) {
        if (kept.size <= deps.most) break;
        kept.delete(oldest);
      }
      return fresh.server;
    },
    get size() {
      return kept.size;
    },
  };
}

function leafServer(
  secureContext: SecureContext,
  { clock, handshakeMs, inletOf }: LeafServersDeps,
): LeafServer {
  return {
    accept: (socket, protocol, spoke) =>
      new Promise((resolve, reject) => {
        socket.allowHalfOpen = false; // a FIN in the middle of the handshake is its end
        const ALPNProtocols = protocol === null ? {} : { ALPNProtocols: [protocol] };
        const secured = new TLSSocket(socket, { isServer: true, secureContext, ...ALPNProtocols });
        const inlet = inletOf(secured, spoke);
        const tooSlow = () => secured.destroy(new Error(`no TLS handshake within ${handshakeMs} ms`));
        const timer = clock.after(handshakeMs, tooSlow);
        const onClose = () => fail(new Error("the client left during the TLS handshake"));
        const fail = (error: Error) => {
          timer.cancel();
          reject(error);
        };
        secured.once("error", fail);
        secured.once("close", onClose);
        secured.once("secure", () => {
          timer.cancel();
          secured.off("error", fail);
          secured.off("close", onClose);
          secured.allowHalfOpen = true;
          resolve({ socket: secured, inlet });
        });
      }),
  };
}
