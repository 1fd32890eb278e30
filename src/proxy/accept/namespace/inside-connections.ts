// Asks the helper for connections to servers inside the namespace, and matches its answers.

import type { Socket } from "node:net";
import type { HostPort } from "../../../core/address.ts";
import { isLoopback } from "../loop-guard.ts";
import type { FromHelper, ToHelper } from "./messages.ts";

export interface InsideConnections {
  /**
   * A connected, unread socket to a server inside; null where the destination is not inside, or nobody listens there.
   * The caller owns the socket. Rejects with the signal's reason when it aborts.
   */
  connect(destination: HostPort, signal: AbortSignal): Promise<Socket | null>;
  /** An answer of the helper. */
  answered(message: FromHelper, socket: Socket | undefined): void;
  /** The helper is gone: nobody listens inside any more. */
  close(): void;
}

/** `own`: addresses that the namespace has beside loopback. At most `maxPending` questions are open at once. */
export function createInsideConnections(
  own: ReadonlySet<string>,
  send: (message: ToHelper) => void,
  maxPending = 1_024,
): InsideConnections {
  const pending = new Map<number, (socket: Socket | null) => void>();
  let lastId = 0;
  let closed = false;

  return {
    async connect(destination, signal) {
      signal.throwIfAborted();
      if (closed || pending.size >= maxPending) return null;
      if (!isLoopback(destination.host) && !own.has(destination.host)) return null;
      const id = ++lastId;
      return await new Promise<Socket | null>((resolve, reject) => {
        const abort = () => {
          pending.delete(id);
          reject(signal.reason);
        };
        signal.addEventListener("abort", abort, { once: true });
        pending.set(id, (socket) => {
          pending.delete(id);
          signal.removeEventListener("abort", abort);
          resolve(socket);
        });
        send({ kind: "connect", id, host: destination.host, port: destination.port });
      });
    },
    answered(message, socket) {
      if (message.kind !== "connected" && message.kind !== "refused") return;
      const settle = pending.get(message.id);
      if (!settle) return void socket?.destroy(); // nobody waits for it any more
      // Half-closed connections are legal, and a socket that arrives through the channel does not know it.
      if (socket) socket.allowHalfOpen = true;
      settle(socket ?? null);
    },
    close() {
      closed = true;
      for (const settle of [...pending.values()]) settle(null);
    },
  };
}
