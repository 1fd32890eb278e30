// Binds or adopts listening sockets and turns each accepted socket into a Connection. Knows nothing of protocols.

import { createServer, type Server, type Socket } from "node:net";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import { cannotListen } from "../../core/cannot-listen.ts";
import type { Connection, Direction, TunnelWay } from "../../core/connection.ts";
import type { Inlet } from "../../core/inlet.ts";
import type { Dial } from "../../core/link.ts";
import { dialNowhere } from "../../core/no-link.ts";
import type { ReadBuffers } from "../../core/read-buffers.ts";
import type { Shortcut } from "../../core/shortcut.ts";
import type { Destination } from "./destination.ts";
import { readDirectly } from "./direct-reads.ts";

/** How connections of a listener find their way. */
export type ListenerMode =
  /** The kernel redirected them: `originalDestination` asks where they wanted to go. */
  | {
      readonly kind: "transparent";
      readonly direction: Direction;
      readonly originalDestination: (socket: Socket) => Destination | null;
    }
  /** The client knows that we are a proxy: each request names its target. */
  | { readonly kind: "proxy" }
  /** Everything goes to one upstream. */
  | { readonly kind: "fixed"; readonly to: HostPort; readonly direction: Direction };

export type ListenerSpec =
  | { readonly kind: "bind"; readonly address: HostPort; readonly mode: ListenerMode }
  /** A server that already listens, perhaps in another network namespace; ours to close. */
  | { readonly kind: "adopt"; readonly server: Server; readonly mode: ListenerMode };

export interface Listener {
  readonly address: HostPort;
  /** Accepts nothing more; open connections go on. */
  close(): Promise<void>;
}

export interface ListenerDeps {
  /** Open at once; further ones are closed as they come. */
  readonly maxConnections: number;
  readonly buffers: ReadBuffers;
  readonly shortcut: Shortcut | null;
  readonly nextId: () => string;
  readonly accept: (connection: Connection) => void;
  /** A connection that would reach ourselves again, or that names no destination. */
  readonly refuse: (socket: Socket, why: string) => void;
  readonly isOwnAddress: (destination: HostPort) => boolean;
  /** Whether a redirected connection is one that this process has opened. Left out: none can be. */
  readonly isOwnDial?: (client: HostPort, destination: HostPort) => boolean;
}

/** Listens; rejects with `bad_config` where the address cannot be had. */
export async function openListener(spec: ListenerSpec, deps: ListenerDeps): Promise<Listener> {
  const server = spec.kind === "adopt" ? spec.server : createServer({ allowHalfOpen: true, noDelay: true });
  if (spec.kind === "bind") await bind(server, spec.address, flagOf(spec.mode));
  const { maxConnections, buffers, shortcut } = deps;
  const accept = (socket: Socket, inlet: Inlet | null) => welcome(socket, inlet, spec.mode, deps);
  if (!readDirectly(server, { maxConnections, buffers, shortcut, accept })) {
    server.maxConnections = maxConnections;
    server.on("connection", (socket) => accept(socket, null));
  }
  return {
    address: addressOf(server),
    close: () =>
      new Promise((resolve) => {
        // Resolves once nothing new is accepted; server.close() itself would wait for every open connection.
        server.close();
        resolve();
      }),
  };
}

/** The one that says where such a listener is. */
function flagOf(mode: ListenerMode): string {
  return mode.kind === "transparent" ? `--${mode.direction}` : "--listen";
}

function bind(server: Server, address: HostPort, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen({ place: address, flag }, cause)));
    server.listen({ host: address.host, port: address.port, backlog: 4_096 }, () => {
      server.removeAllListeners("error");
      server.on("error", () => undefined); // accept failures (EMFILE): the kernel keeps the client waiting
      resolve();
    });
  });
}

function addressOf(server: Server): HostPort {
  const address = server.address();
  return address && typeof address === "object"
    ? { host: address.address, port: address.port }
    : { host: "", port: 0 };
}

function ignore(): void {}

function welcome(socket: Socket, inlet: Inlet | null, mode: ListenerMode, deps: ListenerDeps): void {
  socket.allowHalfOpen = true;
  // Between two owners (gate, detection, lanes) nobody else listens; whoever owns it also hears "close".
  socket.on("error", ignore);
  const id = deps.nextId();
  if (mode.kind === "proxy") {
    deps.accept(new AcceptedConnection(socket, inlet, id, "outbound", null, "proxy"));
    return;
  }
  const destination: Destination | null = mode.kind === "fixed" ? mode.to : mode.originalDestination(socket);
  if (!destination) {
    deps.refuse(socket, "the connection was not redirected to us, so nobody knows where it wants to go");
  } else if (mode.kind === "transparent" && deps.isOwnAddress(destination)) {
    deps.refuse(socket, `${formatHostPort(destination)} is our own listener: relaying it would be a loop`);
  } else if (destination.nowhere !== undefined) {
    const { host, port, nowhere } = destination;
    const way = { dial: dialNowhere(nowhere), nowhere };
    deps.accept(new GuidedConnection(socket, inlet, id, mode.direction, { host, port }, way));
  } else {
    const connection = new AcceptedConnection(socket, inlet, id, mode.direction, destination, mode.kind);
    if (mode.kind === "transparent" && deps.isOwnDial?.(connection.downstream, destination)) {
      deps.refuse(socket, ownDial(destination));
    } else deps.accept(connection);
  }
}

function ownDial(destination: HostPort): string {
  return (
    `our own connection to ${formatHostPort(destination)} came back to us, and relaying it would be a loop: ` +
    "run the sidecar as the user that understudy redirect up --uid names, and as nobody else"
  );
}

/** A connection as it was accepted. What most connections are never asked for is found out when somebody asks. */
class AcceptedConnection implements Connection {
  readonly socket: Socket;
  readonly inlet?: Inlet;
  readonly id: string;
  readonly direction: Direction;
  readonly originalDestination: HostPort | null;
  readonly mode: Connection["mode"];
  #downstream: HostPort | null = null;
  #controller: AbortController | null = null;

  constructor(
    socket: Socket,
    inlet: Inlet | null,
    id: string,
    direction: Direction,
    originalDestination: HostPort | null,
    mode: Connection["mode"],
  ) {
    this.socket = socket;
    if (inlet) this.inlet = inlet;
    this.id = id;
    this.direction = direction;
    this.originalDestination = originalDestination;
    this.mode = mode;
  }

  get downstream(): HostPort {
    this.#downstream ??= { host: this.socket.remoteAddress ?? "", port: this.socket.remotePort ?? 0 };
    return this.#downstream;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.socket.destroyed) controller.abort();
      else this.socket.once("close", () => controller.abort());
    }
    return this.#controller.signal;
  }

  tunnelTo(destination: HostPort, way?: TunnelWay): Connection {
    const inlet = this.inlet ?? null;
    return way
      ? new GuidedConnection(this.socket, inlet, this.id, this.direction, destination, way)
      : new AcceptedConnection(this.socket, inlet, this.id, this.direction, destination, "transparent");
  }
}

/** A connection whose destination is reached in a way of its own, or not at all: then rules may answer on it, and nothing else can. */
class GuidedConnection extends AcceptedConnection {
  readonly dial: Dial;
  readonly nowhere?: string;

  constructor(
    socket: Socket,
    inlet: Inlet | null,
    id: string,
    direction: Direction,
    destination: HostPort,
    { dial, nowhere }: TunnelWay,
  ) {
    super(socket, inlet, id, direction, destination, "transparent");
    this.dial = dial;
    if (nowhere !== undefined) this.nowhere = nowhere;
  }
}
