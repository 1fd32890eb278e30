// Accepted sockets that are read through one buffer of their own, as Node offers it for sockets that one dials
// (`onread`), and not for accepted ones: so the handle of a listening server is asked to hand its connections to us
// instead of to the server, and the socket is made here. Where Node has no such handle, nothing changes.
//
//   kernel ──► buffer ──► sink (a lane)         no event, no allocation a read
//                    └──► socket.push ──► data  as long as nobody takes the bytes directly

import { type Server, Socket, type SocketConstructorOpts } from "node:net";
import type { Inlet, InletSink } from "../../core/inlet.ts";
import { FilledPart, type ReadBuffers, ReadStep } from "../../core/read-buffers.ts";

export interface DirectReadDeps {
  readonly buffers: ReadBuffers;
  /** Sockets open at once; further ones are closed as they come. */
  readonly maxConnections: number;
  readonly accept: (socket: Socket, inlet: Inlet) => void;
}

/** What Node keeps to itself of a server that listens. */
interface ListeningHandle {
  onconnection: (status: number, client?: ClientHandle) => void;
}

interface ClientHandle {
  setNoDelay?(on: boolean): number;
  close(): void;
}

/** What Node takes, but does not say, when it makes a socket. */
interface OwnSocketOptions extends Omit<SocketConstructorOpts, "handle"> {
  readonly handle: ClientHandle;
  readonly onread: {
    readonly buffer: () => Buffer;
    readonly callback: (bytes: number, buffer: Buffer) => boolean;
  };
}

/** Takes over the connections of a server that listens. False: this Node keeps them; listen to its events. */
export function readDirectly(server: Server, deps: DirectReadDeps): boolean {
  // A private member: it is looked at before it is believed.
  const handle = (server as unknown as { _handle?: Partial<ListeningHandle> | null })._handle;
  const before = handle?.onconnection;
  if (!handle || typeof before !== "function") return false;
  let open = 0;
  handle.onconnection = (status, client) => {
    if (status !== 0 || !client) return before.call(handle, status, client);
    if (open >= deps.maxConnections) return client.close();
    open++;
    const inlet = new SocketInlet(client, deps.buffers);
    inlet.socket.once("close", () => {
      open--;
      inlet.retire();
    });
    deps.accept(inlet.socket, inlet);
  };
  return true;
}

class SocketInlet implements Inlet {
  readonly socket: Socket;
  readonly #buffers: ReadBuffers;
  #buffer: Buffer;
  readonly #part = new FilledPart();
  readonly #step = new ReadStep();
  #sink: InletSink | null = null;
  #reading = false;
  #retired = false;

  constructor(handle: ClientHandle, buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.#buffer = buffers.take(0);
    const options: OwnSocketOptions = {
      handle,
      allowHalfOpen: true,
      readable: true,
      writable: true,
      onread: {
        buffer: () => this.#buffer,
        callback: (bytes, buffer) => this.#received(bytes, buffer),
      },
    };
    this.socket = new Socket(options as unknown as SocketConstructorOpts);
    handle.setNoDelay?.(true);
  }

  direct(sink: InletSink | null): void {
    this.#sink = sink;
    // A sink may make way for another while it takes what has waited.
    while (this.#sink !== null && this.socket.readableLength > 0) this.#sink(this.socket.read());
  }

  /** Answers libuv whether to go on reading. */
  #received(bytes: number, buffer: Buffer): boolean {
    const chunk = this.#part.of(buffer, bytes);
    const changes = this.#step.after(bytes);
    this.#reading = true;
    const goOn = this.#sink === null ? this.#push(chunk, buffer) : this.#hand(this.#sink, chunk, buffer);
    this.#reading = false;
    if (this.#retired) {
      if (this.#buffer === buffer) this.#buffers.give(buffer);
      return false;
    }
    if (this.#buffer === buffer && changes) {
      this.#buffers.give(buffer);
      this.#buffer = this.#buffers.take(this.#step.at);
    }
    return goOn;
  }

  #hand(sink: InletSink, chunk: Buffer, buffer: Buffer): boolean {
    if (!sink(chunk)) this.#partWith(buffer);
    return true; // who wants no more pauses the socket
  }

  /** Small reads are copied, so that their buffer serves again; large ones are given away with it. */
  #push(chunk: Buffer, buffer: Buffer): boolean {
    const isSmall = chunk.length * 4 <= buffer.length;
    if (!isSmall) this.#partWith(buffer);
    return this.socket.push(isSmall ? Buffer.from(chunk) : chunk);
  }

  /** Whoever holds its bytes has the buffer now; the garbage collector follows them. */
  #partWith(buffer: Buffer): void {
    if (this.#buffer === buffer) this.#buffer = this.#buffers.take(this.#step.at);
  }

  /** The socket is closed: nothing is read any more. */
  retire(): void {
    this.#retired = true;
    this.#sink = null;
    if (!this.#reading) this.#buffers.give(this.#buffer);
  }
}
