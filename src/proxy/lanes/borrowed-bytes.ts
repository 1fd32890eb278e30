// Keeps account of bytes that lie in a link's read buffer while they wait in a socket: until they have left, the buffer
// must not be read into again. TLS encrypts what it is given at once, into memory of its own, so it borrows nothing; only
// what would wait before it for an earlier write is copied.

import type { Socket } from "node:net";
import { type ClientSocket, writeClient } from "./write-client.ts";

const noBytes = Buffer.alloc(0);

export class BorrowedBytes {
  /** True while borrowed bytes wait in the socket. */
  held = false;
  readonly #client: ClientSocket;
  readonly #socket: Socket;
  readonly #released: () => void;
  readonly #encrypts: boolean;
  #latest = 0;

  /** `released` is called when the last borrowed byte has left; never where the socket is destroyed before. */
  constructor(client: ClientSocket, released: () => void) {
    this.#client = client;
    this.#socket = client.socket;
    this.#released = released;
    this.#encrypts = "encrypted" in client.socket;
  }

  /** Writes borrowed bytes. False: the socket is full, wait for its drain. */
  write(bytes: Buffer): boolean {
    if (this.#encrypts) return this.#encrypt(bytes);
    const flowing = writeClient(this.#client, bytes);
    if (this.#socket.writableLength > 0) this.#follow();
    return flowing;
  }

  #encrypt(bytes: Buffer): boolean {
    // An empty write would be under way for a turn without being counted: what came behind it would wait uncopied.
    if (bytes.length === 0) return true;
    return this.#socket.write(this.#socket.writableLength === 0 ? bytes : Buffer.from(bytes));
  }

  /** Nearly always the kernel takes all bytes at once; only where it does not, an empty write behind them tells the end. */
  #follow(): void {
    this.held = true;
    const mark = ++this.#latest;
    this.#socket.write(noBytes, (error) => {
      if (error || mark !== this.#latest) return;
      this.held = false;
      this.#released();
    });
  }
}
