// The sockets over which name servers are asked: one a server, connected, so that the kernel drops what others send and tells
// when nobody listens.

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { formatHostPort, type HostPort } from "../../core/address.ts";

/** What is heard of the server of that name, `host:port`. */
export interface NameServerEvents {
  answered(server: string, bytes: Buffer): void;
  /** Nobody listens there, or there is no way to it. */
  unreachable(server: string): void;
}

const maxSockets = 16;

export class NameServerSockets {
  readonly #events: NameServerEvents;
  readonly #sockets = new Map<string, Socket>();

  constructor(events: NameServerEvents) {
    this.#events = events;
  }

  /** `failed`: it could not be sent, although the server may be there. */
  send(server: HostPort, bytes: Buffer, failed: () => void): void {
    const name = formatHostPort(server);
    whenConnected(this.#socket(server, name), (socket) =>
      socket.send(bytes, (error: NodeJS.ErrnoException | null) => {
        if (error?.code === "EMSGSIZE") failed();
        // The kernel tells the refusal of an earlier query once, and then perhaps to this one.
        else if (error) this.#failed(name, socket);
      }),
    );
  }

  #socket(server: HostPort, name: string): Socket {
    const known = this.#sockets.get(name);
    if (known) return known;
    const [oldest] = this.#sockets.keys();
    if (this.#sockets.size >= maxSockets && oldest !== undefined) this.#drop(oldest);
    const socket = createSocket(isIPv6(server.host) ? "udp6" : "udp4");
    this.#sockets.set(name, socket);
    socket.unref();
    socket.on("error", () => this.#failed(name, socket));
    socket.on("message", (bytes) => this.#events.answered(name, bytes));
    socket.connect(server.port, server.host);
    return socket;
  }

  #failed(name: string, socket: Socket): void {
    if (this.#sockets.get(name) !== socket) return;
    this.#drop(name);
    this.#events.unreachable(name);
  }

  #drop(name: string): void {
    this.#sockets.get(name)?.close();
    this.#sockets.delete(name);
  }

  close(): void {
    for (const name of [...this.#sockets.keys()]) this.#drop(name);
  }
}

function whenConnected(socket: Socket, use: (socket: Socket) => void): void {
  try {
    socket.remoteAddress(); // throws while it is not connected
    use(socket);
  } catch {
    socket.once("connect", () => use(socket));
  }
}
