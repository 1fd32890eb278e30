// One socket on the short way. It stays Node's: its pause() and resume() reach us by its handle, and an end or a failure is
// left to Node, which reads it once more when the socket is given back.
//
//   Node reads ──take──► we read ──an end, a failure, giveBack──► Node reads

import type { Socket } from "node:net";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import type { ShortcutSocket, SocketReader } from "../../core/shortcut.ts";
import type { Libc } from "./libc.ts";
import type { Poller, Watcher } from "./poller.ts";

/** What Node keeps to itself of a TCP socket. */
interface SocketHandle {
  readonly fd: number;
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

// Linux: include/linux/socket.h.
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const { EAGAIN } = constants.errno;
/** Reads in a row of one socket, before others have their turn. */
const mostReads = 4;

/** A private member: it is looked at before it is believed. null: this Node has no such handle, or it is closed. */
function handleOf(socket: Socket): SocketHandle | null {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<SocketHandle> | null };
  const isKnown = typeof handle?.readStart === "function" && typeof handle.readStop === "function";
  return isKnown && (handle.fd ?? -1) >= 0 && handle.reading === true ? (handle as SocketHandle) : null;
}

export interface KernelSocketDeps {
  readonly libc: Libc;
  readonly poller: Poller;
}

/** null: it cannot be taken over. */
export function takeSocket(
  socket: Socket,
  reader: SocketReader,
  deps: KernelSocketDeps,
): KernelSocket | null {
  const handle = handleOf(socket);
  if (!handle || socket.destroyed) return null;
  const taken = new KernelSocket(socket, handle, reader, deps);
  return taken.isTaken ? taken : null;
}

export class KernelSocket implements ShortcutSocket, Watcher {
  readonly #socket: Socket;
  readonly #handle: SocketHandle;
  readonly #fd: number;
  readonly #reader: SocketReader;
  readonly #libc: Libc;
  readonly #poller: Poller;
  #seat: number;
  #paused = false;
  /** Bytes, or more, came while nobody wanted any. */
  #waiting = false;
  /** A write has failed; Node is told in its turn. */
  #broken = false;

  constructor(socket: Socket, handle: SocketHandle, reader: SocketReader, deps: KernelSocketDeps) {
    this.#socket = socket;
    this.#handle = handle;
    this.#fd = handle.fd;
    this.#reader = reader;
    this.#libc = deps.libc;
    this.#poller = deps.poller;
    this.#seat = deps.poller.watch(this.#fd, this);
    if (this.#seat < 0) return;
    handle.readStop();
    handle.readStart = () => this.#resume();
    handle.readStop = () => this.#pause();
  }

  get isTaken(): boolean {
    return this.#seat >= 0;
  }

  // ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #pause(): number {
    this.#paused = true;
    return 0;
  }

  #resume(): number {
    this.#paused = false;
    if (this.#waiting) setImmediate(() => this.#readWaiting());
    return 0;
  }

  #readWaiting(): void {
    if (this.#waiting) this.readable();
  }

  readable(): void {
    if (!this.isTaken || this.#socket.destroyed) return;
    this.#waiting = false;
    for (let left = mostReads; left > 0; left--) {
      if (this.#paused) {
        this.#waiting = true;
        return;
      }
      if (!this.#readOnce() || this.#socket.destroyed || !this.isTaken) return;
    }
    this.#waiting = true;
    setImmediate(() => this.#readWaiting());
  }

  /** Whether there may be more. */
  #readOnce(): boolean {
    const buffer = this.#reader.nextBuffer();
    const bytes = this.#libc.recv(this.#fd, buffer, buffer.length, MSG_DONTWAIT);
    if (bytes <= 0) {
      this.#readNothing(bytes);
      return false;
    }
    if (!this.#reader.received(bytes, buffer) && this.isTaken) {
      this.#handle.reading = false;
      this.#paused = true;
    }
    return bytes === buffer.length;
  }

  #readNothing(bytes: number): void {
    const errno = bytes < 0 ? this.#libc.errno() : 0;
    if (errno === EAGAIN) return;
    if (bytes === 0) return this.giveBack();
    this.#socket.destroy(failure("read", errno));
  }

  exceptional(): void {
    this.giveBack();
  }

  // ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  write(bytes: Uint8Array): number {
    const socket = this.#socket;
    if (!this.isTaken || socket.writableLength > 0 || !socket.writable) return 0;
    if (this.#broken) return bytes.length;
    const sent = this.#libc.send(this.#fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    const errno = this.#libc.errno();
    if (errno === EAGAIN) return 0;
    this.#broken = true;
    // As Node does it: whoever writes hears of it when it has written.
    queueMicrotask(() => socket.destroy(failure("write", errno)));
    return bytes.length;
  }

  // ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  giveBack(): void {
    if (!this.isTaken) return;
    if (this.#socket.destroyed) return this.forget();
    this.#leave(this.#fd);
    const handle = this.#handle as Partial<SocketHandle>;
    delete handle.readStart;
    delete handle.readStop;
    if (!this.#paused) this.#handle.readStart();
  }

  forget(): void {
    if (this.isTaken) this.#leave(null);
  }

  #leave(fd: number | null): void {
    this.#poller.leave(this.#seat, fd);
    this.#seat = -1;
  }
}

/** As Node says it. */
function failure(syscall: "read" | "write", errno: number): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno: -errno, code, syscall });
}
