// One end of a relayed WebSocket: the socket of the downstream, given the shape of a link, so that both ends are alike
// and an HTTP/2 stream may stand in for either.

import type { Socket } from "node:net";
import { BorrowedBytes } from "../borrowed-bytes.ts";
import type { ClientSocket } from "../write-client.ts";

/** Where frames are written to, and where they come from. */
export interface Side {
  /** False: wait for its drain. */
  write(bytes: Buffer): boolean;
  /** FIN after what was written. */
  end(): void;
  pause(): void;
  resume(): void;
  /** Ends at once, without a further event. */
  destroy(reset: boolean): void;
}

export class SocketSide implements Side {
  readonly #socket: Socket;
  readonly #borrowed: BorrowedBytes;

  /** `released`: no bytes that were written are held any longer. */
  constructor(client: ClientSocket, released: () => void) {
    this.#socket = client.socket;
    this.#borrowed = new BorrowedBytes(client, released);
  }

  get holdsBytes(): boolean {
    return this.#borrowed.held;
  }

  write(bytes: Buffer): boolean {
    return this.#borrowed.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(reset: boolean): void {
    if (reset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}
