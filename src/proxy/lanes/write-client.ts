// Writes to the socket of a downstream, by the short way where it has one.

import type { Socket } from "node:net";
import type { Inlet } from "../../core/inlet.ts";

/** What of a Connection it takes to write to it. */
export interface ClientSocket {
  readonly socket: Socket;
  readonly inlet?: Inlet;
}

/** False: the socket is full, wait for its drain. Where bytes wait in it, their memory is in use until they have left. */
export function writeClient({ socket, inlet }: ClientSocket, bytes: Uint8Array): boolean {
  return inlet === undefined ? socket.write(bytes) : inlet.write(bytes);
}
