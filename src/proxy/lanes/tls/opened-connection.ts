// A connection whose TLS we have opened: what it carries is plain to the lanes, and its links are TLS again.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { HostPort } from "../../../core/address.ts";
import type { Connection, Direction } from "../../../core/connection.ts";
import type { Dial } from "../../../core/link.ts";

export class OpenedConnection implements Connection {
  readonly id: string;
  readonly direction: Direction;
  readonly downstream: HostPort;
  readonly originalDestination: HostPort | null;
  /** It talks to us and knows it, whatever it believes: a failure of its upstream can be told in words. */
  readonly mode = "fixed";
  readonly scheme = "https";
  readonly socket: Socket;
  readonly transport: Socket;
  readonly serverName: string;
  readonly dial: Dial;
  readonly signal: AbortSignal;

  /** `accepted`: the connection as it came. */
  constructor(accepted: Connection, socket: TLSSocket, serverName: string, dial: Dial) {
    const transport = accepted.socket;
    this.id = accepted.id;
    this.direction = accepted.direction;
    this.downstream = accepted.downstream;
    this.originalDestination = accepted.originalDestination;
    this.signal = accepted.signal;
    this.serverName = serverName;
    this.dial = dial;
    this.transport = transport;
    // RST is TCP's: the TLS above has no handle that could send one.
    socket.resetAndDestroy = () => {
      transport.resetAndDestroy();
      return socket;
    };
    this.socket = socket;
  }

  /** Never asked: only an explicit proxy answers CONNECT, and what is opened has one destination. */
  tunnelTo(): Connection {
    return this;
  }
}
