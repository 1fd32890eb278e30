// The two ways out of a session: what is written to the client and to the upstream, gathered, at borders between frames,
// and under the backpressure of both.

import type { Socket } from "node:net";
import type { Inlet } from "../../../core/inlet.ts";
import { BorrowedBytes } from "../borrowed-bytes.ts";
import type { ClientHalf } from "./client-half.ts";
import { Outlet } from "./outlet.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamMap } from "./stream-map.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

/** Request bodies held for claimed calls together, before the client is not read any more. */
const maxHeldBodies = 4_194_304;

export interface WiresDeps {
  readonly connection: { readonly socket: Socket; readonly inlet?: Inlet };
  readonly client: ClientHalf;
  readonly up: UpstreamHalf;
  readonly table: { readonly open: StreamMap<Http2Stream>; readonly lastLocal: number };
}

export class Wires {
  readonly toClient: Outlet;
  readonly toUpstream: Outlet;
  /** The client does not read; its socket's drain ends that. */
  clientFull = false;
  upstreamFull = false;
  /** Bytes of the client are being read: what is written meanwhile goes out when they are. */
  feeding = false;
  /** Our last words to the client are out. */
  closing = false;
  /** The client's socket is closed. */
  gone = false;
  readonly #deps: WiresDeps;
  readonly #borrowed: BorrowedBytes;
  #flushDue = false;

  constructor(deps: WiresDeps) {
    this.#deps = deps;
    this.#borrowed = new BorrowedBytes(deps.connection, () => deps.up.released());
    this.toClient = new Outlet((bytes) => this.#writeClient(bytes));
    this.toUpstream = new Outlet((bytes) => this.#writeUpstream(bytes));
  }

  /** Nothing that lies in the pinned link's buffer is on its way to the client any longer. */
  get holdsNothing(): boolean {
    this.toClient.flush();
    return !this.#borrowed.held;
  }

  #writeClient(bytes: Buffer): boolean {
    if (this.gone) return true;
    if (!this.#borrowed.write(bytes)) {
      this.clientFull = true;
      this.#deps.up.pause();
    }
    return !this.#borrowed.held;
  }

  #writeUpstream(bytes: Buffer): boolean {
    const { up } = this.#deps;
    if (!up.send(bytes)) this.upstreamFull = true;
    return !up.holdsBytes;
  }

  /** Whole frames of ours to the client, where no frame of the upstream is half-way through. */
  aside(bytes: Buffer): void {
    if (this.closing) return;
    this.toClient.addAside(bytes, !this.#deps.up.insideFrame);
    if (!this.feeding) this.flushSoon();
  }

  /** Whole frames of ours to the upstream, where no frame of the client is half-way through. */
  asideUpstream(bytes: Buffer): void {
    this.toUpstream.addAside(bytes, !this.#deps.client.insideFrame);
    if (!this.feeding) this.flushSoon();
  }

  flush(): void {
    this.toClient.flush();
    this.toUpstream.flush();
  }

  /** What several calls write in one turn goes out together. */
  flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(() => {
      this.#flushDue = false;
      this.flush();
    });
  }

  /** Reads from the client, or leaves what it sends to the kernel while nobody takes it. */
  updateFlow(): void {
    const { socket, inlet } = this.#deps.connection;
    const { table } = this.#deps;
    let held = 0;
    // After our last words all is read and thrown away: a socket closed with bytes unread is reset, and they are lost.
    if (this.closing) held = 0;
    else if (this.upstreamFull) held = Number.POSITIVE_INFINITY;
    else if (table.lastLocal > 0)
      for (const stream of table.open.places) if (stream?.kind === "local") held += stream.owedBytes;
    if (held > maxHeldBodies) socket.pause();
    else if (socket.isPaused() || (!inlet && !socket.readableFlowing)) socket.resume();
  }
}
