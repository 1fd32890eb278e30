// A link over a socket that somebody else connects (inside a network namespace, or with TLS upon it): queues until it
// is there.

import type { Socket } from "node:net";
import type { HostPort } from "../../core/address.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { Inlet } from "../../core/inlet.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../core/link.ts";
import { outlastReset } from "./outlast-reset.ts";
import { tcpFailureText } from "./tcp-failure.ts";

/** Connects on our behalf; null: nobody listens there, dial it the usual way. Must end on abort. */
export type ConnectInside = (upstream: HostPort, signal: AbortSignal) => Promise<Socket | null>;

/** Tries `inside` first for the destinations that `isInside` names, and falls back to `dial`. */
export function createInsideDial(
  isInside: (upstream: HostPort) => boolean,
  inside: ConnectInside,
  dial: Dial,
  signalAfter: (ms: number) => AbortSignal,
  connectMs: number,
): Dial {
  return (upstream, events) =>
    isInside(upstream)
      ? new AdoptedLink(upstream, events, readByEvents(inside(upstream, signalAfter(connectMs))), dial)
      : dial(upstream, events);
}

/** A socket that is connected, and the swift way to read it where there is one. */
export interface OpenSocket<Kind extends Socket = Socket> {
  readonly socket: Kind;
  readonly inlet: Inlet | null;
  /**
   * How its end is to be told, in the words of what is spoken upon it. `error` null: the other side's FIN; null as the
   * answer: an end like any other. Left out: nothing is known beyond TCP.
   */
  readonly ending?: (error: Error | null) => Ending | null;
}

export interface Ending {
  /** `refused`: the other side would not have the connection, although it seemed open. */
  readonly how: "refused" | "reset";
  readonly detail: string;
}

/** A link over a socket that is open, or will be; a rejection ends the link with what it says. */
export function linkOver(
  upstream: HostPort,
  events: LinkEvents,
  socket: OpenSocket | Promise<OpenSocket>,
): Link {
  return new AdoptedLink(upstream, events, socket, null);
}

async function readByEvents(connecting: Promise<Socket | null>): Promise<OpenSocket | null> {
  const socket = await connecting;
  return socket && { socket, inlet: null };
}

class AdoptedLink implements Link {
  readonly upstream: HostPort;
  readonly #events: LinkEvents;
  #target: Socket | Link | null = null;
  /** What was written before the target was there; bounded, because write() answers false. */
  #queue: Uint8Array[] = [];
  /** The target takes no more of what is written than it needs at once. */
  #encrypts = false;
  #ended = false;
  #paused = false;
  /** What is written goes nowhere. */
  #deaf = false;
  #gone = false;

  /** `dial`: for a promise that brings null. */
  constructor(
    upstream: HostPort,
    events: LinkEvents,
    socket: OpenSocket | Promise<OpenSocket | null>,
    dial: Dial | null,
  ) {
    this.upstream = upstream;
    this.#events = events;
    if (!("then" in socket)) {
      this.#adopt(socket);
      return;
    }
    socket.then(
      (found) => {
        if (this.#gone) found?.socket.destroy();
        else if (found) this.#adopt(found);
        else if (dial) this.#attach(dial(upstream, events));
      },
      (error) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    const isOurs = error instanceof UnderstudyError;
    const detail = isOurs ? error.message : tcpFailureText(error, this.upstream);
    this.#finish(isOurs && error.code === "connect_timeout" ? "timeout" : "refused", detail);
  }

  #adopt(opened: OpenSocket): void {
    const { socket, inlet } = opened;
    this.#listen(opened);
    if (socket.destroyed) return this.#broke(opened, socket.errored ?? new Error("closed at once"));
    if (inlet) {
      // Whoever opens the link must have it before the first bytes come.
      queueMicrotask(() => this.#read(socket, inlet));
      return;
    }
    socket.on("data", (chunk: Buffer) => void this.#events.data(chunk));
    this.#attach(socket);
  }

  #listen(opened: OpenSocket): void {
    const { socket } = opened;
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    this.#encrypts = "encrypted" in socket;
    outlastReset(socket, () => {
      this.#deaf = true;
      if (!this.#gone) this.#events.drain();
    });
    socket.on("drain", () => !this.#gone && this.#events.drain());
    socket.on("end", () => this.#upstreamEnded(opened));
    socket.on("error", (error) => this.#broke(opened, error));
    socket.on("close", () => this.#finish("closed", ""));
  }

  #upstreamEnded({ ending }: OpenSocket): void {
    if (this.#gone) return;
    const told = ending?.(null);
    if (told) this.#finish(told.how, told.detail);
    else this.#events.end();
  }

  #broke({ ending }: OpenSocket, error: Error): void {
    const told = ending?.(error);
    if (told) this.#finish(told.how, told.detail);
    else this.#finish("reset", tcpFailureText(error, this.upstream));
  }

  /** What waits in the socket comes first, which may end the link. */
  #read(socket: Socket, inlet: Inlet): void {
    if (this.#gone) return void socket.destroy();
    this.#attach(socket);
    inlet.direct((chunk) => this.#gone || this.#events.data(chunk));
    if (!this.#gone && !this.#paused) socket.resume();
  }

  #attach(target: Socket | Link): void {
    this.#target = target;
    const waited = this.#queue.length > 0;
    for (const chunk of this.#queue) this.#send(target, chunk);
    this.#queue = [];
    if (this.#paused) target.pause();
    if (this.#ended) target.end();
    else if (waited) this.#events.drain();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#gone || this.#deaf) return true;
    const target = this.#target;
    if (target) return this.#send(target, chunk);
    this.#queue.push(chunk);
    return false;
  }

  /** TLS encrypts what it is given at once; what would wait before it is copied, so that nothing of the caller's is held. */
  #send(target: Socket | Link, chunk: Uint8Array): boolean {
    if (!this.#encrypts) return target.write(chunk);
    // An empty write would be under way for a turn without being counted: what came behind it would wait uncopied.
    if (chunk.length === 0) return true;
    return target.write(this.#waits(target) ? Buffer.from(chunk) : chunk);
  }

  get holdsBytes(): boolean {
    const target = this.#target;
    if (!target) return this.#queue.length > 0;
    return !this.#encrypts && this.#waits(target);
  }

  #waits(target: Socket | Link): boolean {
    return "destroySoon" in target ? target.writableLength > 0 : target.holdsBytes;
  }

  end(): void {
    this.#ended = true;
    this.#target?.end();
  }

  pause(): void {
    this.#paused = true;
    this.#target?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#target?.resume();
  }

  /** Its chunks are never used again, but those of the link that it may have fallen back to are. */
  released(): void {
    if (this.#target && !("destroySoon" in this.#target)) this.#target.released();
  }

  destroy(reset: boolean): void {
    if (this.#gone) return;
    this.#gone = true;
    const target = this.#target;
    if (!target) return;
    if (!("destroySoon" in target)) target.destroy(reset);
    else if (reset) target.resetAndDestroy();
    else target.destroy();
  }

  #finish(how: LinkEnd, detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#target && "destroySoon" in this.#target) this.#target.destroy();
    this.#events.close(how, detail);
  }
}
