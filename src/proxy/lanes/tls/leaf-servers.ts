// TLS servers that never listen: one per server name and protocol, each with a leaf of its own, kept for the next
// connection. A connection is handed to one when it has been decided to open it.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Authority } from "../../../core/certificates.ts";
import type { Clock } from "../../../core/clock.ts";

export interface LeafServer {
  /**
   * Does the server's part of the handshake on a socket whose ClientHello has been put back. Rejects with OpenSSL's
   * error, or ECONNRESET where the client just left; the socket is gone then.
   */
  accept(socket: Socket): Promise<TLSSocket>;
}

export interface LeafServers {
  /** `protocol`: what ALPN shall agree on; null: no ALPN. Rejects where no leaf can be issued. */
  for(name: string, protocol: string | null): Promise<LeafServer>;
  /** Kept at present. */
  readonly size: number;
}

export interface LeafServersDeps {
  readonly authority: Authority;
  readonly clock: Pick<Clock, "wall">;
  /** Kept at most; the least recently used goes first. */
  readonly most: number;
  readonly handshakeMs: number;
}

interface Kept {
  readonly server: Promise<LeafServer>;
  renewAtMs: number;
}

export function createLeafServers(deps: LeafServersDeps): LeafServers {
  const kept = new Map<string, Kept>(); // in the order of use
  // One for all servers, so that a ticket is good whichever of them gets it; gone with the process.
  const ticketKeys = randomBytes(48);

  async function make(name: string, protocol: string | null, entry: () => Kept): Promise<LeafServer> {
    const leaf = await deps.authority.issue(name);
    entry().renewAtMs = leaf.renewAtMs;
    return leafServer(
      createServer({
        cert: leaf.chain,
        key: leaf.key,
        ticketKeys,
        sessionIdContext: "understudy",
        handshakeTimeout: deps.handshakeMs,
        ...(protocol === null ? {} : { ALPNProtocols: [protocol] }),
      }),
    );
  }

  return {
    for(name, protocol) {
      const key = `${name} ${protocol ?? ""}`;
      const known = kept.get(key);
      kept.delete(key);
      if (known && deps.clock.wall() < known.renewAtMs) {
        kept.set(key, known);
        return known.server;
      }
      const fresh: Kept = {
        renewAtMs: Number.POSITIVE_INFINITY,
        server: Promise.resolve().then(() => make(name, protocol, () => fresh)),
      };
      fresh.server.catch(() => {
        if (kept.get(key) === fresh) kept.delete(key);
      });
      kept.set(key, fresh);
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

interface Waiting {
  readonly resolve: (socket: TLSSocket) => void;
  readonly reject: (error: Error) => void;
}

function leafServer(server: Server): LeafServer {
  const waiting = new Map<Socket, Waiting>();
  const settle = (socket: TLSSocket): Waiting | undefined => {
    // The socket below is not public, and nothing else tells which connection an event of the server is about.
    const { _parent: below } = socket as TLSSocket & { readonly _parent?: Socket };
    const found = below && waiting.get(below);
    if (below) waiting.delete(below);
    return found;
  };
  server.on("secureConnection", (socket) => {
    socket.allowHalfOpen = true;
    settle(socket)?.resolve(socket);
  });
  server.on("tlsClientError", (error, socket) => settle(socket)?.reject(error));
  return {
    accept: (socket) =>
      new Promise((resolve, reject) => {
        waiting.set(socket, { resolve, reject });
        socket.once("close", () => {
          // Events of the server come first; this is for those that never come.
          if (waiting.delete(socket)) reject(new Error("the client left during the TLS handshake"));
        });
        socket.allowHalfOpen = false; // a FIN in the middle of the handshake is its end
        server.emit("connection", socket);
      }),
  };
}
