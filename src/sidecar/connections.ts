// Where connections come in: the listeners, bound before anything slow is loaded; what they accept meanwhile waits.

import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import type { HostPort } from "../core/address.ts";
import type { Connection } from "../core/connection.ts";
import type { ReadBuffers } from "../core/read-buffers.ts";
import type { Shortcut } from "../core/shortcut.ts";
import type { Tap } from "../core/tap.ts";
import { Gate } from "../proxy/accept/gate.ts";
import { type Listener, openListener } from "../proxy/accept/listener.ts";
import { wouldLoop } from "../proxy/accept/loop-guard.ts";
import { OwnDials } from "../proxy/accept/own-dials.ts";
import type { SidecarOptions } from "./options.ts";

/** The listeners of one sidecar. Whoever opened them closes them. */
export interface Connections {
  /** In the order of the listeners. */
  readonly addresses: readonly HostPort[];
  /** Addresses of this machine. */
  readonly ownAddresses: ReadonlySet<string>;
  /** Hands over what has been accepted so far, and everything after it. */
  serve(accept: (connection: Connection) => void): void;
  /** Accepts nothing more; open connections go on. Idempotent. */
  close(): Promise<void>;
}

/** Resolves when every listener is bound. Rejects with `bad_config`, and then none is. */
export async function listen(
  options: SidecarOptions,
  tap: Tap,
  shared: { readonly buffers: ReadBuffers; readonly shortcut: Shortcut },
): Promise<Connections> {
  const gate = new Gate();
  const listeners: Listener[] = [];
  const bound: HostPort[] = [];
  const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const ownAddresses = new Set(interfaces.map(({ address }) => address));
  // What an adopted listener accepts comes from another namespace, where we dial nobody.
  const isFed = options.listeners.some(({ kind, mode }) => kind === "bind" && mode.kind === "transparent");
  const ownDials = isFed ? new OwnDials() : null;
  let accept: (connection: Connection) => void = () => undefined;
  let count = 0;
  const close = async () => {
    for (const listener of listeners.splice(0)) await listener.close();
    ownDials?.close();
  };
  try {
    for (const spec of options.listeners) {
      const listener = await openListener(spec, {
        maxConnections: options.settings.limits.maxConnections,
        ...shared,
        nextId: () => (++count).toString(36),
        accept: (connection) => gate.pass(() => accept(connection)),
        refuse: (socket, why) => refuse(socket, why, tap),
        isOwnAddress: (destination) => wouldLoop(destination, bound, ownAddresses),
        ...(ownDials ? { isOwnDial: ownDials.includes.bind(ownDials) } : {}),
      });
      listeners.push(listener);
      // An adopted listener lives in another namespace, where the same address is another place.
      if (spec.kind === "bind") bound.push(listener.address);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses: listeners.map((listener) => listener.address),
    ownAddresses,
    serve(to) {
      accept = to;
      gate.open();
    },
    close,
  };
}

function refuse(socket: Socket, why: string, tap: Tap): void {
  socket.on("error", () => undefined);
  socket.resetAndDestroy();
  tap.observe({ kind: "trouble", area: "accept", message: why });
}
