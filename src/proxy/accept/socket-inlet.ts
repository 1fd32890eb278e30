// The inlet of one socket that Node reads through a buffer of ours: whoever makes the socket, or prepares one that is
// there, hands Node the two ends of it.
//
//   kernel, TLS ──► buffer ──► sink (a lane)         no event, no allocation a read
//                         └──► socket.push ──► data  as long as nobody takes the bytes directly

import type { Socket } from "node:net";
import type { Inlet, InletSink } from "../../core/inlet.ts";
import { FilledPart, type ReadBuffers, ReadStep } from "../../core/read-buffers.ts";
import { type BufferedReads, type Shortcut, ShortWay, type SocketReader } from "../../core/shortcut.ts";

export class SocketInlet implements Inlet, SocketReader {
  readonly socket: Socket;
  readonly #buffers: ReadBuffers;
  #buffer: Buffer;
  readonly #part = new FilledPart();
  readonly #step = new ReadStep();
  #sink: InletSink | null = null;
  #firstRead: (() => void) | null;
  #reading = false;
  #retired = false;
  readonly #way: ShortWay;

  /**
   * `open`: the socket, which from now on reads through these. `firstRead` is called before the first bytes go on.
   * `shortcut` null: it never goes that way.
   */
  constructor(
    buffers: ReadBuffers,
    open: (reads: BufferedReads) => Socket,
    shortcut: Shortcut | null,
    firstRead: (() => void) | null = null,
  ) {
    this.#firstRead = firstRead;
    this.#buffers = buffers;
    this.#buffer = buffers.take(0);
    this.#way = new ShortWay(shortcut, this);
    this.socket = open(this.#way.readsOfNode());
    this.socket.once("close", () => this.#retire());
  }

  direct(sink: InletSink | null): void {
    this.#sink = sink;
    if (sink === null) this.#way.close();
    else this.#way.open(this.socket);
    // A sink may make way for another while it takes what has waited.
    while (this.#sink !== null && this.socket.readableLength > 0) this.#sink(this.socket.read());
  }

  write(bytes: Uint8Array): boolean {
    return this.#way.write(this.socket, bytes);
  }

  nextBuffer(): Buffer {
    return this.#buffer;
  }

  received(bytes: number, buffer: Buffer): boolean {
    if (this.#firstRead !== null) this.#tellFirst(this.#firstRead);
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

  #tellFirst(tell: () => void): void {
    this.#firstRead = null;
    tell();
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
  #retire(): void {
    this.#retired = true;
    this.#way.forget();
    this.#sink = null;
    if (!this.#reading) this.#buffers.give(this.#buffer);
  }
}
