// Ports of the command that the host may reach: reading what --publish says, and binding it on the host.

import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { HostPort } from "../../../core/address.ts";
import { cannotListen } from "../../../core/cannot-listen.ts";
import { UnderstudyError } from "../../../core/errors.ts";

export interface Publication {
  /** Where the host listens; two addresses, IPv4 and IPv6, where none was named. */
  readonly on: readonly HostPort[];
  /** The port that the command listens on. */
  readonly port: number;
}

const pattern = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5}):|(\d{1,5}):)?(\d{1,5})$/;

/** Reads `3000`, `8080:3000`, `127.0.0.1:8080:3000` or `[::1]:8080:3000`. Throws `bad_config`. */
export function parsePublication(text: string): Publication {
  const [, ipv6, name, outerAfterHost, outerAlone, inner] = pattern.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(inner);
  const outer = Number(outerAfterHost ?? outerAlone ?? inner);
  if (inner === undefined || port < 1 || port > 65_535 || outer > 65_535) {
    throw new UnderstudyError(
      "bad_config",
      `--publish: expected PORT, HOSTPORT:PORT or ADDRESS:HOSTPORT:PORT, got ${JSON.stringify(text)}`,
    );
  }
  const hosts = host === undefined ? ["127.0.0.1", "::1"] : [host];
  return { on: hosts.map((address) => ({ host: address, port: outer })), port };
}

/**
 * Listens on the host. Where no address was named, one of the two may be missing (a machine without IPv6). The
 * caller closes the servers. Throws `bad_config` where a port cannot be had.
 */
export async function bindPublication({ on }: Publication): Promise<readonly Server[]> {
  const servers: Server[] = [];
  for (const address of on) {
    // Port 0 means any, and then both families must share it.
    const first = servers[0]?.address();
    const port = typeof first === "object" && first ? first.port : address.port;
    const bound = await bind({ host: address.host, port });
    if (bound instanceof Error && !(servers.length > 0 && isMissingFamily(bound))) {
      for (const server of servers) server.close();
      throw cannotListen({ what: "--publish", place: address, flag: "port of the host" }, bound);
    }
    if (!(bound instanceof Error)) servers.push(bound);
  }
  return servers;
}

/** Keeps connections that come before anybody adopts the server, and hands them to whoever does. */
function holdUntilAdopted(server: Server): void {
  const early: Socket[] = [];
  const hold = (socket: Socket) => void early.push(socket);
  const adopted = (event: string) => {
    if (event !== "connection") return;
    server.off("newListener", adopted);
    server.off("connection", hold);
    // The listener is added right after this event.
    queueMicrotask(() => {
      for (const socket of early) server.emit("connection", socket);
    });
  };
  server.on("connection", hold);
  server.on("newListener", adopted);
}

function bind({ host, port }: HostPort): Promise<Server | NodeJS.ErrnoException> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  holdUntilAdopted(server);
  return new Promise((resolve) => {
    server.once("error", resolve);
    server.listen({ host, port, backlog: 4_096, ipv6Only: isIPv6(host) }, () => {
      server.removeAllListeners("error");
      resolve(server);
    });
  });
}

function isMissingFamily(error: NodeJS.ErrnoException): boolean {
  return error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL";
}
