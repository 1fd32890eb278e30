// The connections that the admin port has at once. Where all places are taken, a further connection takes that of another
// one: health probes, and a word that stops all faults, must get through whoever else keeps connections open.

import type { Socket } from "node:net";

export class Places {
  readonly #limit: number;
  /** Longest without a request first. */
  readonly #idle = new Set<Socket>();
  /** With the number of requests that are being answered; oldest first. */
  readonly #busy = new Map<Socket, number>();

  /** `limit`: most connections at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Ends the connection that was idle for longest where there is no place left, or the oldest where all are busy. */
  take(socket: Socket): void {
    if (this.#idle.size + this.#busy.size >= this.#limit) this.#makePlace();
    this.#idle.add(socket);
    socket.once("close", () => this.#leave(socket));
  }

  /** A request of it is being answered, until what is returned is called (once). */
  work(socket: Socket): () => void {
    this.#idle.delete(socket);
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    return () => {
      const left = (this.#busy.get(socket) ?? 0) - 1;
      if (left > 0) this.#busy.set(socket, left);
      else if (this.#busy.delete(socket) && !socket.destroyed) this.#idle.add(socket);
    };
  }

  /** Ends all of them. */
  clear(): void {
    for (const socket of [...this.#idle, ...this.#busy.keys()]) socket.destroy();
  }

  #makePlace(): void {
    const [socket = this.#busy.keys().next().value] = this.#idle;
    if (!socket) return;
    this.#leave(socket);
    socket.destroy();
  }

  #leave(socket: Socket): void {
    this.#idle.delete(socket);
    this.#busy.delete(socket);
  }
}
