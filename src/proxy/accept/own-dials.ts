// Knows the connections that this process opens, by their ends, so that one which the kernel redirects back to us is
// told from those of the service. That happens where the redirection spares another user than the one we run as: each
// relayed connection would be accepted again, and relayed again.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { HostPort } from "../../core/address.ts";
import { Roster, type Seated } from "../../core/roster.ts";

/** Node's word that `net.connect` made a socket. */
const channel = "net.client.socket";

export class OwnDials {
  /** Their own port is not known before the system call, which follows within the turn. */
  readonly #connecting = new Roster<OwnDial>();
  readonly #open = new Roster<OwnDial>();
  /** How many of the open ones have that port of their own: for nearly all who come it says that they are none. */
  readonly #openAt = new Uint16Array(65_536);

  /** Listens to every connection that this process opens, until `close`. */
  constructor() {
    subscribe(channel, this.#watch);
  }

  /** Whether a connection accepted from `client`, which wanted to go to `destination`, is one that we opened. */
  includes(client: HostPort, destination: HostPort): boolean {
    // On loopback a connection is accepted before the one who opened it hears of that.
    this.#connecting.each((dial) => this.#resolve(dial));
    if (this.#openAt[client.port] === 0) return false;
    const wanted = endsOf(client.host, client.port, `${destination.host}:${destination.port}`);
    let found = false;
    this.#open.each(({ ends }) => {
      found ||= ends === wanted;
    });
    return found;
  }

  close(): void {
    unsubscribe(channel, this.#watch);
    for (const roster of [this.#connecting, this.#open]) roster.each((dial) => roster.remove(dial));
    this.#openAt.fill(0);
  }

  readonly #watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket }; // what the channel is documented to carry
    const dial = new OwnDial(socket);
    socket.on("connectionAttempt", (address: string, port: number) => {
      dial.destination = `${address}:${port}`;
      this.#connecting.add(dial);
    });
    socket.once("connect", () => this.#resolve(dial));
    socket.once("close", () => this.#forget(dial));
  };

  #resolve(dial: OwnDial): void {
    const { socket, destination } = dial;
    const { localPort } = socket;
    if (destination === "" || dial.ends !== "" || localPort === undefined) return;
    this.#connecting.remove(dial);
    dial.ends = endsOf(socket.localAddress, localPort, destination);
    dial.port = localPort;
    this.#open.add(dial);
    this.#openAt[localPort] = (this.#openAt[localPort] ?? 0) + 1;
  }

  #forget(dial: OwnDial): void {
    if (dial.seat < 0) return;
    if (dial.ends === "") return this.#connecting.remove(dial);
    this.#open.remove(dial);
    this.#openAt[dial.port] = (this.#openAt[dial.port] ?? 1) - 1;
  }
}

class OwnDial implements Seated {
  seat = -1;
  readonly socket: Socket;
  /** "" before it is known. */
  destination = "";
  /** Both, once they are known; till then "". */
  ends = "";
  /** The one of its own; 0 till then. */
  port = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }
}

/** A socket that takes both families gives IPv4 addresses mapped into IPv6. */
function endsOf(host: string | undefined, port: number, destination: string): string {
  return `${host?.replace("::ffff:", "")}:${port}>${destination}`;
}
