// Where a loopback address of the command leads: first to its own servers inside, then to the host's.
//
// A redirected connection always succeeds, so a client that tried `localhost` as [::1] never learns that nobody is
// there and never goes on to 127.0.0.1. We go on for it.

import { connect, type Socket } from "node:net";
import { formatHostPort, type HostPort } from "../../../core/address.ts";
import { UnderstudyError } from "../../../core/errors.ts";

/** A connected socket, or null where nobody listens. */
export type Connect = (destination: HostPort, signal: AbortSignal) => Promise<Socket | null>;

export interface LocalhostDeps {
  readonly inside: Connect;
  /** Used for what follows a refused `[::1]`; everything else is left to the caller. */
  readonly host: Connect;
  /** Ports that belong to the command: never looked for on the host, where we listen for them ourselves. */
  readonly published: ReadonlySet<number>;
}

/**
 * A connection for a destination on loopback or inside; null where the caller should dial it on the host as usual.
 * Rejects with `connect_failed` where every place was tried.
 */
export function createLocalhost(deps: LocalhostDeps): Connect {
  return async (destination, signal) => {
    const { host, port } = destination;
    const other = host === "::1" ? "127.0.0.1" : "::1";
    const found = await deps.inside(destination, signal);
    if (found) return found;
    if (deps.published.has(port) && isLocalhost(host)) {
      const second = await deps.inside({ host: other, port }, signal);
      if (second) return second;
      throw nobodyListens(
        destination,
        "inside, and the port is published, so it is not looked for on the host",
      );
    }
    if (host !== "::1") return null;
    const ipv4 = { host: "127.0.0.1", port };
    const next =
      (await deps.host(destination, signal)) ??
      (await deps.inside(ipv4, signal)) ??
      (await deps.host(ipv4, signal));
    if (next) return next;
    throw nobodyListens(destination, "inside or on the host, nor on 127.0.0.1");
  };
}

function isLocalhost(host: string): boolean {
  return host === "::1" || host === "127.0.0.1";
}

function nobodyListens(destination: HostPort, where: string): UnderstudyError {
  return new UnderstudyError("connect_failed", `nobody listens on ${formatHostPort(destination)} ${where}`);
}

/** Dials on the host; null where it is refused or cannot be reached. Rejects with the signal's reason on abort. */
export const connectOnHost: Connect = (destination, signal) =>
  new Promise((resolve, reject) => {
    const socket = connect({ ...destination, allowHalfOpen: true, noDelay: true });
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    const refused = () => {
      signal.removeEventListener("abort", abort);
      resolve(null);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", refused);
    socket.once("connect", () => {
      signal.removeEventListener("abort", abort);
      socket.removeListener("error", refused);
      resolve(socket);
    });
  });
