// TLS sockets that are read through one buffer of their own. Node offers that (`onread`) for TLS that it dials itself,
// and not for TLS upon a socket that is there already, which is what we have on both sides: so the socket is given what
// Node would have given it. Where Node keeps that elsewhere, nothing changes.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { SecureInlets } from "../../core/inlet.ts";
import type { ReadBuffers } from "../../core/read-buffers.ts";
import type { BufferedReads } from "../../core/shortcut.ts";
import { SocketInlet } from "./socket-inlet.ts";

/** Where a socket of Node keeps what `onread` says, and its handle with the call that says so below. */
interface Places {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly next: symbol;
  readonly handle: { useUserBuffer(buffer: Buffer): void };
}

/** null of what it makes: this Node has no such places; listen to its events. */
export function createSecureInlets(buffers: ReadBuffers): SecureInlets {
  return (socket, firstRead) => {
    const places = placesOf(socket);
    return places && new SocketInlet(buffers, (reads) => install(socket, places, reads), null, firstRead);
  };
}

function install(socket: TLSSocket, places: Places, { buffer, callback }: BufferedReads): Socket {
  const first = buffer();
  const values = { [places.buffer]: first, [places.callback]: callback, [places.next]: buffer };
  Object.assign(socket, values);
  places.handle.useUserBuffer(first);
  return socket;
}

/** Private members: they are looked at before they are believed. */
function placesOf(socket: TLSSocket): Places | null {
  const empty = (name: string): symbol | null => {
    const found = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === name);
    return found !== undefined && Reflect.get(socket, found) === null ? found : null;
  };
  const [buffer, callback, next] = [empty("kBuffer"), empty("kBufferCb"), empty("kBufferGen")];
  const { _handle: handle } = socket as unknown as { _handle?: Partial<Places["handle"]> | null };
  if (!buffer || !callback || !next || typeof handle?.useUserBuffer !== "function") return null;
  return { buffer, callback, next, handle: handle as Places["handle"] };
}
