// TCP to an upstream as a plain socket, for what is built upon it.

import { connect, type Socket } from "node:net";
import type { HostPort } from "../../core/address.ts";
import type { ConnectInside } from "./adopted-link.ts";

/** Resolves once connected, half-open allowed, nothing read. Rejects with the system's error, or the signal's reason. */
export function connectTcp(upstream: HostPort, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: upstream.host, port: upstream.port, allowHalfOpen: true, noDelay: true });
    const fail = (error: Error) => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", fail);
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

/** The same, trying `inside` first for the destinations that `isInside` names. */
export function connectTcpInside(
  isInside: (upstream: HostPort) => boolean,
  inside: ConnectInside,
): typeof connectTcp {
  return async (upstream, signal) => {
    const found = isInside(upstream) ? await inside(upstream, signal) : null;
    if (!found) return connectTcp(upstream, signal);
    found.allowHalfOpen = true;
    found.setNoDelay(true);
    return found;
  };
}
