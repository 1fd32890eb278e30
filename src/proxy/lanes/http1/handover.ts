// A connection on its way out of HTTP/1: from the reply that makes it a tunnel until the tunnel has socket and link, or
// until it has ended before that.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link } from "../../../core/link.ts";
import type { Call } from "./call.ts";
import { openTunnel, type Tunnel } from "./tunnel.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

export class Handover {
  readonly #link: Link;
  #call: Call | null;
  #rest: Buffer | null;
  #tunnel: Tunnel | null = null;
  #opened = false;

  /** `link` is this object's from now on, and must be paused. `rest`: bytes of the upstream behind its reply. */
  constructor(call: Call, link: Link, rest: Buffer | null) {
    this.#call = call;
    this.#link = link;
    this.#rest = rest;
  }

  /**
   * Once. The socket must be nobody's any more. `first`: bytes of the downstream that were read before. The link stays
   * paused until `resume`.
   */
  open(connection: Connection, traffic: Traffic, half: UpstreamHalf, first: Buffer | null): void {
    const call = this.#call;
    if (!call) return;
    const rest = this.#rest;
    this.#call = null;
    this.#rest = null;
    const tunnel = openTunnel(connection, traffic, call);
    this.#tunnel = tunnel;
    half.delegateTo(tunnel);
    tunnel.start(this.#link, first);
    if (rest && rest.length > 0) tunnel.data(rest);
    this.#opened = true;
  }

  /** The link's events go to the tunnel, and nobody else may write to it. */
  get isOpen(): boolean {
    return this.#opened;
  }

  /** The downstream has taken everything that was written to it. */
  released(): void {
    this.#link.released();
  }

  /** Lets the link read. */
  resume(): void {
    this.#link.resume();
  }

  /** Finishes what is open in the tunnel, if it can tell what is. */
  drain(): void {
    this.#tunnel?.drainConnection?.();
  }

  /** The client has left before the tunnel was opened. */
  drop(): void {
    this.#link.destroy(true);
    this.#call?.takeUpgrade()?.claim.release();
  }
}
