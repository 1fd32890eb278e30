// A connection whose TLS we have opened: what it carries is plain to the lanes, and its links are TLS again.

import type { Socket } from "node:net";
import type { HostPort } from "../../../core/address.ts";
import type { Connection, Direction } from "../../../core/connection.ts";
import type { Inlet } from "../../../core/inlet.ts";
import type { Dial } from "../../../core/link.ts";
import type { Secured } from "./leaf-servers.ts";

export class OpenedConnection implements Connection {
  readonly id: string;
  readonly direction: Direction;
  readonly originalDestination: HostPort | null;
  /** It talks to us and knows it, whatever it believes: a failure of its upstream can be told in words. */
  readonly mode = "fixed";
  readonly scheme = "https";
  readonly socket: Socket;
  readonly inlet?: Inlet;
  readonly transport: Socket;
  readonly serverName: string;
  readonly dial: Dial;
  readonly nowhere?: string;
  readonly #accepted: Connection;

  /** `accepted`: the connection as it came. */
  constructor(accepted: Connection, { socket, inlet }: Secured, serverName: string, dial: Dial) {
    const transport = accepted.socket;
    this.id = accepted.id;
    this.direction = accepted.direction;
    this.originalDestination = accepted.originalDestination;
    this.#accepted = accepted;
    this.serverName = serverName;
    this.dial = dial;
    if (accepted.nowhere !== undefined) this.nowhere = accepted.nowhere;
    this.transport = transport;
    // RST is TCP's: the TLS above has no handle that could send one.
    socket.resetAndDestroy = () => {
      transport.resetAndDestroy();
      return socket;
    };
    this.socket = socket;
    if (inlet) this.inlet = inlet;
  }

  get downstream(): HostPort {
    return this.#accepted.downstream;
  }

  get signal(): AbortSignal {
    return this.#accepted.signal;
  }

  /** Never asked: only an explicit proxy answers CONNECT, and what is opened has one destination. */
  tunnelTo(): Connection {
    return this;
  }
}
