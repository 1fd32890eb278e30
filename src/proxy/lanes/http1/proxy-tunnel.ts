// A tunnel that a proxy upstream has opened for a client of it (CONNECT). What it carries is a connection of its own, to where the
// tunnel leads: its first bytes tell its lane, and rules see into it as into every other one. The first link that the lane dials
// is the tunnel, so that what nobody claims passes as it would have; further ones are asked for at the same proxy.

import type { HostPort } from "../../../core/address.ts";
import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { AskedLink, type TunnelRequest } from "./asked-link.ts";

export class ProxyTunnel implements LinkEvents {
  /** The connection that is in the tunnel. */
  readonly inner: Connection;
  readonly #connection: Connection;
  readonly #traffic: Traffic;
  readonly #request: TunnelRequest;
  #link: Link | null = null;
  /** Who has dialled the tunnel. */
  #owner: LinkEvents | null = null;
  /** What came before anybody dialled. */
  #kept: Buffer[] = [];
  #ended = false;
  #closed: readonly [how: LinkEnd, detail: string] | null = null;

  constructor(connection: Connection, destination: HostPort, request: TunnelRequest, traffic: Traffic) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#request = request;
    this.inner = connection.tunnelTo(destination, { dial: this.#dial });
  }

  /** `first`: bytes of the client that were read before. */
  start(link: Link, first: Buffer | null): void {
    this.#link = link;
    const { socket } = this.#connection;
    socket.once("close", () => {
      if (!this.#owner) link.destroy(true);
    });
    this.#traffic.route(this.inner, first, null);
  }

  readonly #dial: Dial = (upstream, events) => {
    const link = this.#link;
    if (!link) return this.#ask(upstream, events);
    this.#link = null;
    this.#owner = events;
    const lent = new LentLink(upstream, link);
    // Whoever opens the link must have it first.
    queueMicrotask(() => this.#catchUp(events, link, lent));
    return lent;
  };

  /** In the client's own words, credentials included. */
  #ask(upstream: HostPort, events: LinkEvents): Link {
    const { clock, settings } = this.#traffic;
    const { limits, deadlines } = settings;
    return new AskedLink(upstream, events, this.#request, { clock, limits, connectMs: deadlines.connectMs });
  }

  #catchUp(events: LinkEvents, link: Link, lent: LentLink): void {
    for (const chunk of this.#kept) if (!lent.isGone) events.data(chunk);
    this.#kept = [];
    if (this.#ended && !lent.isGone) events.end();
    if (this.#closed && !lent.isGone) events.close(...this.#closed);
    else if (!lent.isPaused) link.resume();
  }

  // ── what the link tells ──────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Buffer): boolean {
    if (this.#owner && this.#kept.length === 0) return this.#owner.data(chunk);
    this.#kept.push(Buffer.from(chunk));
    this.#link?.pause();
    return true; // copied
  }

  drain(): void {
    this.#owner?.drain();
  }

  end(): void {
    if (this.#owner) this.#owner.end();
    else this.#ended = true;
  }

  close(how: LinkEnd, detail: string): void {
    if (this.#owner) this.#owner.close(how, detail);
    else this.#closed = [how, detail];
  }
}

/** The tunnel as a link to where it leads. */
class LentLink implements Link {
  readonly upstream: HostPort;
  readonly #link: Link;
  isPaused = false;
  isGone = false;

  constructor(upstream: HostPort, link: Link) {
    this.upstream = upstream;
    this.#link = link;
  }

  write(chunk: Uint8Array): boolean {
    return this.#link.write(chunk);
  }

  get holdsBytes(): boolean {
    return this.#link.holdsBytes;
  }

  end(): void {
    this.#link.end();
  }

  pause(): void {
    this.isPaused = true;
    this.#link.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.#link.resume();
  }

  released(): void {
    this.#link.released();
  }

  destroy(reset: boolean): void {
    this.isGone = true;
    this.#link.destroy(reset);
  }
}
