// The bytes of an accepted socket, straight from the buffer that the kernel filled: no event and no allocation a read. Those
// that go back find a short way there, too.

import type { TLSSocket } from "node:tls";

/**
 * Takes what was read. `chunk` lies in a buffer that is used again: answers true where none of its bytes is held any
 * longer, false where somebody still holds some: then the buffer is left to them.
 */
export type InletSink = (chunk: Buffer) => boolean;

/**
 * Makes the inlet of a TLS socket whose handshake is not over; null where there is none. `firstRead` is called once, before
 * the first bytes are handed on.
 */
export type SecureInlets = (socket: TLSSocket, firstRead?: () => void) => Inlet | null;

export interface Inlet {
  /**
   * From now on `sink` gets what is read, and before that, at once, what waits in the socket; null: the socket's `data`
   * events do again. Its other events, pause() and resume() stay as they are.
   */
  direct(sink: InletSink | null): void;
  /** Writes to the socket. False: it is full, wait for its drain. */
  write(bytes: Uint8Array): boolean;
}
