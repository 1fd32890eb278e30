// An epoll of our own inside the event loop of Node: which of its sockets can be read is asked each turn for all of them.
//
//   sockets ──► epoll of ours ──► poll handle of libuv: wakes the loop, and does nothing else
//                    └─── asked behind each turn's events (setImmediate, which keeps nobody awake) ──► watchers

import type { Libc, Libuv, Pointer } from "./libc.ts";

/** Who is told of a socket. Called from the event loop: must not throw. */
export interface Watcher {
  /** Bytes are there: read until there are no more, for nothing more is told of them. */
  readable(): void;
  /** Something else is there, perhaps behind bytes: its end, a failure, or urgent data, at which a read stops short. */
  exceptional(): void;
}

// Linux: include/uapi/linux/eventpoll.h; libuv: include/uv.h.
const EPOLL_CLOEXEC = 0o2_000_000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const EPOLLPRI = 2;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x8000_0000;
const UV_POLL = 8;
const UV_READABLE = 1;

/** Events that are told of in one turn; the others in the next. */
const most = 128;

export class Poller {
  readonly #libc: Libc;
  readonly #libuv: Libuv;
  readonly #epoll: number;
  /** Not memory of JavaScript: libuv holds it whatever becomes of us. */
  readonly #handle: Pointer;
  readonly #watchers: (Watcher | null)[] = [];
  readonly #free: number[] = [];
  /** struct epoll_event is packed on x64 alone: 32 bits of events, 64 of data. */
  readonly #words: number;
  readonly #events: Int32Array;
  readonly #eventBytes: Uint8Array;
  readonly #asked: Int32Array;
  readonly #askedBytes: Uint8Array;
  #watched = 0;
  #isArmed = false;
  #isClosed = false;

  /** `isPacked`: as on x64. Throws where there is no further descriptor, or no such handle. */
  constructor(libc: Libc, libuv: Libuv, isPacked: boolean) {
    this.#libc = libc;
    this.#libuv = libuv;
    this.#words = isPacked ? 3 : 4;
    this.#events = new Int32Array(this.#words * most);
    this.#eventBytes = new Uint8Array(this.#events.buffer);
    this.#asked = new Int32Array(this.#words);
    this.#askedBytes = new Uint8Array(this.#asked.buffer);
    this.#epoll = libc.epollCreate(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw new Error(`epoll_create1 failed with errno ${libc.errno()}`);
    this.#handle = libc.malloc(libuv.handleSize(UV_POLL));
    const failure = libuv.pollInit(libuv.defaultLoop(), this.#handle, this.#epoll);
    if (failure !== 0) {
      libc.free(this.#handle);
      libc.close(this.#epoll);
      throw new Error(`uv_poll_init failed with ${failure}`);
    }
    libuv.pollStart(this.#handle, UV_READABLE, libuv.nothing);
    libuv.unref(this.#handle);
  }

  /** Where the socket is watched; -1: it cannot be. It is told of at once where bytes are there. */
  watch(fd: number, watcher: Watcher): number {
    if (this.#isClosed) return -1;
    const seat = this.#free.pop() ?? this.#watchers.length;
    this.#asked[0] = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    this.#asked[this.#words - 2] = seat;
    this.#watchers[seat] = watcher;
    if (this.#libc.epollControl(this.#epoll, EPOLL_CTL_ADD, fd, this.#askedBytes) !== 0) {
      this.#vacate(seat);
      return -1;
    }
    // The handles of the sockets themselves keep the process only while Node reads them.
    if (this.#watched++ === 0) this.#libuv.ref(this.#handle);
    this.#arm();
    return seat;
  }

  /** Whoever sits there is told nothing more. `fd`: of a socket that stays open; the kernel forgets the others by itself. */
  leave(seat: number, fd: number | null): void {
    if (fd !== null) this.#libc.epollControl(this.#epoll, EPOLL_CTL_DEL, fd, null);
    this.#vacate(seat);
    if (--this.#watched === 0 && !this.#isClosed) this.#libuv.unref(this.#handle);
  }

  #vacate(seat: number): void {
    this.#watchers[seat] = null;
    this.#free.push(seat);
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(this.#ask).unref();
  }

  readonly #ask = (): void => {
    this.#isArmed = false;
    if (this.#watched === 0 || this.#isClosed) return;
    this.#arm();
    // Asked until there is nothing: a turn of the loop costs more than a question.
    for (let left = most, told = 1; told > 0 && left > 0 && !this.#isClosed; left -= told)
      told = this.#tell(left);
  };

  /** Tells what has happened since, of `most` sockets at most; answers of how many. */
  #tell(most: number): number {
    const events = this.#events;
    const count = this.#libc.epollWait(this.#epoll, this.#eventBytes, most, 0);
    for (let i = 0, at = 0; i < count; i++, at += this.#words) {
      // A seat may have been taken by another meanwhile: it looks, and finds nothing.
      const watcher = this.#watchers[events[at + this.#words - 2] ?? 0];
      if (events[at] === EPOLLIN) watcher?.readable();
      else watcher?.exceptional();
    }
    return count;
  }

  /** All watchers are sent away, as by an end of their sockets. */
  close(): void {
    if (this.#isClosed) return;
    for (const watcher of this.#watchers) watcher?.exceptional();
    this.#isClosed = true;
    const { free } = this.#libc;
    const handle = this.#handle;
    this.#libuv.pollStop(handle);
    this.#libuv.close(handle, null);
    this.#libc.close(this.#epoll);
    // libuv is done with it behind the turn in which it was closed.
    setImmediate(() => setImmediate(() => free(handle)));
  }
}
