// Linux and libuv as functions: the calls on sockets and epoll that Node makes for its own streams, and the one handle by which
// its event loop learns of ours.

import koffi from "koffi";

/** A C pointer. */
export type Pointer = unknown;

export interface Libc {
  /** Bytes, 0 at the end, -1 where it failed: see `errno`. */
  recv(fd: number, into: Uint8Array, bytes: number, flags: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  epollCreate(flags: number): number;
  epollControl(epoll: number, operation: number, fd: number, event: Uint8Array | null): number;
  epollWait(epoll: number, events: Uint8Array, most: number, timeoutMs: number): number;
  close(fd: number): number;
  errno(): number;
  malloc(bytes: number): Pointer;
  free(memory: Pointer): void;
}

export interface Libuv {
  defaultLoop(): Pointer;
  /** `type`: of uv_handle_type. */
  handleSize(type: number): number;
  pollInit(loop: Pointer, handle: Pointer, fd: number): number;
  pollStart(handle: Pointer, events: number, callback: Pointer): number;
  pollStop(handle: Pointer): number;
  close(handle: Pointer, closed: Pointer): void;
  ref(handle: Pointer): void;
  unref(handle: Pointer): void;
  /** A function of libuv that takes a handle and does nothing with it. */
  readonly nothing: Pointer;
}

/** Throws where Node brings no libuv whose functions others can see. */
export function openLibc(): { readonly libc: Libc; readonly libuv: Libuv } {
  const all = koffi.load(null);
  return {
    libc: {
      recv: all.func("int recv(int fd, void *into, int bytes, int flags)"),
      send: all.func("int send(int fd, const void *bytes, int length, int flags)"),
      epollCreate: all.func("int epoll_create1(int flags)"),
      epollControl: all.func("int epoll_ctl(int epoll, int operation, int fd, void *event)"),
      epollWait: all.func("int epoll_wait(int epoll, void *events, int most, int timeout)"),
      close: all.func("int close(int fd)"),
      errno: () => koffi.errno(),
      malloc: all.func("void *malloc(size_t bytes)"),
      free: all.func("void free(void *memory)"),
    },
    libuv: {
      defaultLoop: all.func("void *uv_default_loop()"),
      handleSize: all.func("size_t uv_handle_size(int type)"),
      pollInit: all.func("int uv_poll_init(void *loop, void *handle, int fd)"),
      pollStart: all.func("int uv_poll_start(void *handle, int events, void *callback)"),
      pollStop: all.func("int uv_poll_stop(void *handle)"),
      close: all.func("void uv_close(void *handle, void *closed)"),
      ref: all.func("void uv_ref(void *handle)"),
      unref: all.func("void uv_unref(void *handle)"),
      nothing: all.symbol("uv_handle_get_type"),
    },
  };
}
