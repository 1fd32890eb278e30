// Accepted sockets that are read through one buffer of their own, as Node offers it for sockets that one dials
// (`onread`), and not for accepted ones: so the handle of a listening server is asked to hand its connections to us
// instead of to the server, and the socket is made here. Where Node has no such handle, nothing changes.

import { type Server, Socket, type SocketConstructorOpts } from "node:net";
import type { Inlet } from "../../core/inlet.ts";
import type { ReadBuffers } from "../../core/read-buffers.ts";
import type { BufferedReads, Shortcut } from "../../core/shortcut.ts";
import { SocketInlet } from "./socket-inlet.ts";

export interface DirectReadDeps {
  readonly buffers: ReadBuffers;
  /** For those that are busy; null: none. */
  readonly shortcut: Shortcut | null;
  /** Sockets open at once; further ones are closed as they come. */
  readonly maxConnections: number;
  readonly accept: (socket: Socket, inlet: Inlet) => void;
}

/** What Node keeps to itself of a server that listens. */
interface ListeningHandle {
  onconnection: (status: number, client?: ClientHandle) => void;
}

interface ClientHandle {
  setNoDelay?(on: boolean): number;
  close(): void;
}

/** What Node takes, but does not say, when it makes a socket. */
interface OwnSocketOptions extends Omit<SocketConstructorOpts, "handle"> {
  readonly handle: ClientHandle;
  readonly onread: BufferedReads;
}

/** Takes over the connections of a server that listens. False: this Node keeps them; listen to its events. */
export function readDirectly(server: Server, deps: DirectReadDeps): boolean {
  // A private member: it is looked at before it is believed.
  const handle = (server as unknown as { _handle?: Partial<ListeningHandle> | null })._handle;
  const before = handle?.onconnection;
  if (!handle || typeof before !== "function") return false;
  let open = 0;
  handle.onconnection = (status, client) => {
    if (status !== 0 || !client) return before.call(handle, status, client);
    if (open >= deps.maxConnections) return client.close();
    open++;
    const inlet = new SocketInlet(deps.buffers, (onread) => socketOver(client, onread), deps.shortcut);
    inlet.socket.once("close", () => {
      open--;
    });
    deps.accept(inlet.socket, inlet);
  };
  return true;
}

function socketOver(handle: ClientHandle, onread: BufferedReads): Socket {
  const options: OwnSocketOptions = { handle, allowHalfOpen: true, readable: true, writable: true, onread };
  const socket = new Socket(options as unknown as SocketConstructorOpts);
  handle.setNoDelay?.(true);
  return socket;
}
