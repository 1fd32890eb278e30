// Knows the connections that this process opens, by their ends, so that one which the kernel redirects back to us is
// told from those of the service. That happens where the redirection spares another user than the one we run as: each
// relayed connection would be accepted again, and relayed again.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { HostPort } from "../../core/address.ts";

/** Node's word that `net.connect` made a socket. */
const channel = "net.client.socket";

export class OwnDials {
  /** Connecting, with where to. Their own port is not known before the system call, which follows within the turn. */
  readonly #connecting = new Map<Socket, string>();
  /** Both ends of those that are open, or about to be. */
  readonly #ends = new Set<string>();

  /** Listens to every connection that this process opens, until `close`. */
  constructor() {
    subscribe(channel, this.#watch);
  }

  /** Whether a connection accepted from `client`, which wanted to go to `destination`, is one that we opened. */
  includes(client: HostPort, destination: HostPort): boolean {
    // On loopback a connection is accepted before the one who opened it hears of that.
    for (const socket of this.#connecting.keys()) this.#resolve(socket);
    return this.#ends.has(ends(client.host, client.port, `${destination.host}:${destination.port}`));
  }

  close(): void {
    unsubscribe(channel, this.#watch);
    this.#connecting.clear();
    this.#ends.clear();
  }

  readonly #watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket }; // what the channel is documented to carry
    socket.on("connectionAttempt", (address: string, port: number) =>
      this.#connecting.set(socket, `${address}:${port}`),
    );
    socket.once("connect", () => this.#resolve(socket));
    socket.once("close", () => this.#connecting.delete(socket));
  };

  #resolve(socket: Socket): void {
    const destination = this.#connecting.get(socket);
    if (destination === undefined || socket.localPort === undefined) return;
    this.#connecting.delete(socket);
    const both = ends(socket.localAddress, socket.localPort, destination);
    this.#ends.add(both);
    socket.once("close", () => this.#ends.delete(both));
  }
}

/** A socket that takes both families gives IPv4 addresses mapped into IPv6. */
function ends(host: string | undefined, port: number, destination: string): string {
  return `${host?.replace("::ffff:", "")}:${port}>${destination}`;
}
