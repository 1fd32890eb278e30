// A short way between the sockets of Node and the kernel, for those that are busy: they stay Node's, with all their events,
// but what is read and written goes past its streams.

import type { Socket } from "node:net";

/** Who reads a socket through buffers of its own. */
export interface SocketReader {
  /** Where the next bytes are to go. */
  nextBuffer(): Buffer;
  /** So many have come. Answers whether to go on reading. */
  received(bytes: number, buffer: Buffer): boolean;
}

/** The same as Node asks for it (`onread`). */
export interface BufferedReads {
  readonly buffer: () => Buffer;
  readonly callback: (bytes: number, buffer: Buffer) => boolean;
}

/** A socket that goes the short way. Its pause() and resume() hold there too, and its end and its failures are Node's to tell. */
export interface ShortcutSocket {
  /** Hands the kernel as many of these bytes as it takes at once, and says how many; 0 where earlier ones wait. */
  write(bytes: Uint8Array): number;
  /** From now on Node reads it again. */
  giveBack(): void;
  /** It is being closed. */
  forget(): void;
}

export interface Shortcut {
  /**
   * Takes a socket over that Node reads through a buffer of ours. To be called while Node tells of a read. null: there is no
   * such way here, or not yet.
   */
  take(socket: Socket, reader: SocketReader): ShortcutSocket | null;
  /** Gives all sockets back. */
  close(): void;
}

/**
 * Small reads in a row after which a socket counts as busy: taking one over costs more than it saves those that bring a
 * request or two.
 */
const busyReads = 3;
/** Reads and writes of this size are bulk: what Node adds to each is nothing then, and its pace suits the caches better. */
const bulkBytes = 32_768;
/** Of the buffer that Node holds while it does not read, and reads into first when the socket comes back. */
const reserveBytes = 256;

/** The short way of one socket, for its owner: taken while it is busy with small reads. */
export class ShortWay implements SocketReader {
  readonly #shortcut: Shortcut | null;
  readonly #reader: SocketReader;
  /** null: it is not to go the short way. */
  #socket: Socket | null = null;
  #taken: ShortcutSocket | null = null;
  #reserve: Buffer | null = null;
  /** Small ones in a row. */
  #readsByNode = 0;

  /** `shortcut` null: there is none. */
  constructor(shortcut: Shortcut | null, reader: SocketReader) {
    this.#shortcut = shortcut;
    this.#reader = reader;
  }

  /** How Node reads the socket; to be given to it when the socket is made. */
  readsOfNode(): BufferedReads {
    return {
      buffer: () => this.#reserve ?? this.#reader.nextBuffer(),
      callback: (bytes, buffer) => {
        if (this.#reserve === buffer) this.#reserve = null;
        if (bytes >= bulkBytes) this.#readsByNode = 0;
        else if (this.#socket && !this.#taken && ++this.#readsByNode >= busyReads) this.#take(this.#socket);
        return this.#reader.received(bytes, buffer);
      },
    };
  }

  #take(socket: Socket): void {
    this.#taken = this.#shortcut?.take(socket, this) ?? null;
    // Node asks for its next buffer now, and keeps it: no other socket may be read into it meanwhile.
    if (this.#taken) this.#reserve = Buffer.allocUnsafeSlow(reserveBytes);
  }

  nextBuffer(): Buffer {
    return this.#reader.nextBuffer();
  }

  received(bytes: number, buffer: Buffer): boolean {
    const goesOn = this.#reader.received(bytes, buffer);
    if (bytes >= bulkBytes && goesOn) this.#giveBack();
    return goesOn;
  }

  /** From now on the socket may go the short way. */
  open(socket: Socket): void {
    if (this.#shortcut) this.#socket = socket;
  }

  /** Node reads it again. */
  close(): void {
    this.#giveBack();
    this.#socket = null;
  }

  #giveBack(): void {
    this.#taken?.giveBack();
    this.#taken = null;
    this.#readsByNode = 0;
  }

  /** What the kernel does not take at once goes by the socket. False: that is full, wait for its drain. */
  write(socket: Socket, bytes: Uint8Array): boolean {
    const sent = this.#taken === null || bytes.length >= bulkBytes ? 0 : this.#taken.write(bytes);
    return sent === bytes.length || socket.write(sent === 0 ? bytes : bytes.subarray(sent));
  }

  /** The socket is being closed. */
  forget(): void {
    this.#taken?.forget();
  }
}
