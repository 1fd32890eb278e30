// A TLS connection to an upstream that nobody reads from yet: kept until the first call needs it.

import type { TLSSocket } from "node:tls";
import type { HostPort } from "../../core/address.ts";
import type { Link, LinkEvents, SecureChannel } from "../../core/link.ts";
import { linkOver, type OpenSocket } from "./adopted-link.ts";

export class OpenChannel implements SecureChannel {
  readonly protocol: string | null;
  readonly #opened: OpenSocket<TLSSocket>;
  readonly #socket: TLSSocket;
  readonly #upstream: HostPort;
  #ended = false;
  /** Its end is noticed without taking what the upstream may have said first. */
  readonly #onReadable = (): void => {
    if (this.#socket.readableLength > 0) return;
    this.#ended = true;
    this.#socket.destroy();
  };

  constructor(opened: OpenSocket<TLSSocket>, upstream: HostPort) {
    const { socket } = opened;
    this.#opened = opened;
    this.#socket = socket;
    this.#upstream = upstream;
    this.protocol = socket.alpnProtocol || null;
    socket.on("error", () => undefined); // close follows
    socket.on("readable", this.#onReadable);
  }

  get alive(): boolean {
    return !this.#ended && !this.#socket.destroyed;
  }

  attach(events: LinkEvents): Link {
    this.#socket.off("readable", this.#onReadable);
    const link = linkOver(this.#upstream, events, this.#opened);
    if (!this.#opened.inlet) this.#socket.resume(); // looking for its end has stopped it
    return link;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
