// How a client took our certificate. Some verify after the handshake: one that never says a word and leaves at once has not
// liked what it saw.

import type { TLSSocket } from "node:tls";
import type { Clock } from "../../../core/clock.ts";

/** A client that distrusts a certificate leaves at once. */
const departureMs = 2_000;

export class Reception {
  readonly #clock: Clock;
  readonly #heard: (error: Error | null) => void;
  #told = false;

  /** `heard` is called once at most: null for well. */
  constructor(clock: Clock, heard: (error: Error | null) => void) {
    this.#clock = clock;
    this.#heard = heard;
  }

  /** The client has said something: it trusts us. */
  readonly spoke = (): void => this.settle(null);

  settle(error: Error | null): void {
    if (this.#told) return;
    this.#told = true;
    this.#heard(error);
  }

  /** From the end of the handshake on. `tellsFirst`: somebody else calls `spoke`. */
  watch(socket: TLSSocket, tellsFirst: boolean): void {
    // A resumed session shows no certificate (RFC 8446 §2.2): its client took the one that it was shown before.
    if (socket.isSessionReused()) return this.settle(null);
    const since = this.#clock.now();
    const left = (error: Error) => {
      if (this.#clock.now() - since < departureMs) this.settle(error);
    };
    const silently = () => left(new Error("the client left right after our certificate"));
    if (!tellsFirst) socket.once("data", this.spoke);
    socket.once("error", left); // an alert, from one that has verified late
    socket.once("end", silently);
    socket.once("close", silently);
  }
}
