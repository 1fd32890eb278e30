// The link over a socket: dials, reads through one buffer of its own (`onread`: no event and no allocation a read),
// and reports its end exactly once.
//
//   dial ──► connecting ──connect──► open ──end/close/error──► gone
//               │ writes queue in the socket; the connect deadline runs
//               └──refused/timeout──► gone

import { connect, type NetConnectOpts, type Socket } from "node:net";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { Deadlined, Deadlines } from "../../core/deadlines.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../core/link.ts";
import { FilledPart, type ReadBuffers, ReadStep } from "../../core/read-buffers.ts";
import { type Shortcut, ShortWay, type SocketReader } from "../../core/shortcut.ts";
import { outlastReset } from "./outlast-reset.ts";
import { tcpFailureText } from "./tcp-failure.ts";

export interface DialDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly connectMs: number;
  readonly buffers: ReadBuffers;
  /** For sockets that are busy; null: none. */
  readonly shortcut: Shortcut | null;
}

/** Dials with the operating system's own resolver and routes. */
export function createDial(deps: DialDeps): Dial {
  return (upstream, events) => new SocketLink(upstream, events, deps);
}

class SocketLink implements Link, Deadlined, SocketReader {
  deadlineAt = 0;
  seat = -1;
  readonly upstream: HostPort;
  readonly #events: LinkEvents;
  readonly #buffers: ReadBuffers;
  readonly #deadlines: Deadlines;
  readonly #connectMs: number;
  readonly #socket: Socket;
  readonly #part = new FilledPart();
  readonly #step = new ReadStep();
  #buffer: Buffer;
  readonly #way: ShortWay;
  /** Buffers whose bytes the other side still holds. */
  readonly #lent: Buffer[] = [];
  #reading = false;
  #paused = false;
  /** Bytes of the read buffer itself are still on their way out of the other side. */
  #held = false;
  #connected = false;
  /** What is written goes nowhere. */
  #deaf = false;
  #gone = false;

  constructor(upstream: HostPort, events: LinkEvents, deps: DialDeps) {
    this.upstream = upstream;
    this.#events = events;
    this.#buffers = deps.buffers;
    this.#buffer = deps.buffers.take(0);
    this.#way = new ShortWay(deps.shortcut, this);
    const { buffer, callback } = this.#way.readsOfNode();
    const options: NetConnectOpts = {
      host: upstream.host,
      port: upstream.port,
      allowHalfOpen: true,
      noDelay: true,
      onread: { buffer, callback: callback as NonNullable<NetConnectOpts["onread"]>["callback"] },
    };
    this.#socket = connect(options);
    this.#way.open(this.#socket);
    this.#deadlines = deps.deadlines;
    this.#connectMs = deps.connectMs;
    this.deadlineAt = deps.clock.now() + deps.connectMs;
    deps.deadlines.add(this);
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    outlastReset(socket, () => {
      this.#deaf = true;
      if (!this.#gone) this.#events.drain();
    });
    socket.on("connect", () => {
      this.#connected = true;
      this.#deadlines.remove(this);
    });
    socket.on("drain", () => {
      if (!this.#gone) this.#events.drain();
    });
    socket.on("end", () => {
      if (!this.#gone) this.#events.end();
    });
    socket.on("error", (error) => {
      this.#finish(this.#connected ? "reset" : "refused", tcpFailureText(error, this.upstream));
    });
    socket.on("close", () => this.#finish("closed", ""));
  }

  nextBuffer(): Buffer {
    return this.#buffer;
  }

  received(bytes: number, buffer: Buffer): boolean {
    if (this.#gone) return false;
    this.#reading = true;
    const free = this.#events.data(this.#part.of(buffer, bytes));
    this.#reading = false;
    if (free) this.#returnLent();
    if (this.#gone) return this.#parted(buffer, free);
    // Paused: nothing is read before the bytes have left, so the same buffer serves again, still warm in the cache.
    if (this.#paused) {
      this.#held = !free;
      return true;
    }
    if (!this.#step.after(bytes) && free) return true;
    this.#parted(buffer, free);
    this.#buffer = this.#buffers.take(this.#step.at);
    return true;
  }

  /** The link goes on without this buffer. */
  #parted(buffer: Buffer, free: boolean): false {
    if (free) this.#buffers.give(buffer);
    else this.#lent.push(buffer);
    return false;
  }

  #returnLent(): void {
    for (let buffer = this.#lent.pop(); buffer; buffer = this.#lent.pop()) this.#buffers.give(buffer);
  }

  write(chunk: Uint8Array): boolean {
    return this.#deaf || this.#way.write(this.#socket, chunk);
  }

  get holdsBytes(): boolean {
    return this.#socket.writableLength > 0;
  }

  end(): void {
    if (!this.#gone) this.#socket.end();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (this.#gone) return;
    this.#paused = false;
    if (!this.#held) this.#socket.resume();
  }

  released(): void {
    if (this.#gone) return;
    this.#returnLent();
    const waited = this.#held && !this.#paused;
    this.#held = false;
    if (waited) this.#socket.resume();
  }

  destroy(reset: boolean): void {
    if (this.#gone) return;
    this.#retire();
    if (reset && this.#connected) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  #finish(how: LinkEnd, detail: string): void {
    if (this.#gone) return;
    this.#retire();
    this.#socket.destroy();
    this.#events.close(how, detail);
  }

  /** The read buffer goes back, unless a read is under way or its bytes are held elsewhere. */
  #retire(): void {
    this.#gone = true;
    this.#deaf = true;
    this.#way.forget();
    if (!this.#connected) this.#deadlines.remove(this);
    if (!this.#reading && !this.#held) this.#buffers.give(this.#buffer);
  }

  expire(): void {
    const place = formatHostPort(this.upstream);
    this.#finish("timeout", `${place} did not accept a connection within ${this.#connectMs} ms`);
  }
}
