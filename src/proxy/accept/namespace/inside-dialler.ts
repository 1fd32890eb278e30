// Runs inside: connects to servers of the namespace with sockets that nftables does not redirect back to us.
//
// The system calls are made by hand, for two reasons: the mark must be set before the SYN leaves, and a socket that
// Node has connected is being read from, so that a server's greeting would be lost when it moves to the sidecar.

import { createRequire } from "node:module";
import { isIPv4, Socket } from "node:net";
import { constants } from "node:os";
import type { Clock } from "../../../core/clock.ts";
import { insideMark } from "./network.ts";
import { socketAddress } from "./socket-address.ts";

// Linux: asm-generic/socket.h, include/linux/net.h.
const AF_INET = 2;
const AF_INET6 = 10;
const STREAM_CLOEXEC_NONBLOCK = 0o2004001;
const SOL_SOCKET = 1;
const SO_MARK = 36;

// Over loopback the handshake is over when connect() returns, unless the server's backlog is full.
const retryMs = 20;
const maxRetries = 500;

/** A connected socket that nobody has read from, or the reason why there is none (`ECONNREFUSED`, …). */
export type InsideAnswer = (outcome: Socket | string) => void;
export type InsideDialler = (host: string, port: number, answer: InsideAnswer) => void;

/** Loads the FFI library, which takes some 10 ms: call it once the start is over. */
export function createInsideDialler(clock: Clock): InsideDialler {
  const system = loadSystemCalls();
  const mark = new Uint32Array([insideMark]);

  const attempt = (fd: number, address: Buffer, retries: number, answer: InsideAnswer): void => {
    if (system.connect(fd, address, address.length) === 0) return answer(unreadSocket(fd));
    const reason = system.errno();
    const isPending = reason === constants.errno.EINPROGRESS || reason === constants.errno.EALREADY;
    if (!isPending || retries >= maxRetries) {
      system.close(fd);
      return answer(isPending ? "ETIMEDOUT" : nameOf(reason));
    }
    // The first look comes at once: the answer has most often arrived while the call returned.
    if (retries === 0) attempt(fd, address, 1, answer);
    else clock.after(retryMs, () => attempt(fd, address, retries + 1, answer));
  };

  return (host, port, answer) => {
    const fd = system.socket(isIPv4(host) ? AF_INET : AF_INET6, STREAM_CLOEXEC_NONBLOCK, 0);
    if (fd < 0) return answer(nameOf(system.errno()));
    if (system.setsockopt(fd, SOL_SOCKET, SO_MARK, mark, 4) !== 0) {
      system.close(fd); // unmarked, it would come back to ourselves
      return answer("SO_MARK is not permitted");
    }
    attempt(fd, socketAddress(host, port), 0, answer);
  };
}

/** Node would start reading at once; these bytes are for the sidecar, and it reads elsewhere. */
function unreadSocket(fd: number): Socket {
  return new Socket({ fd, readable: false, writable: true, allowHalfOpen: true });
}

interface SystemCalls {
  socket(family: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint32Array, length: number): number;
  connect(fd: number, address: Buffer, length: number): number;
  close(fd: number): number;
  errno(): number;
}

function loadSystemCalls(): SystemCalls {
  // Not imported above: the listeners are handed over sooner without it. The cast is what require() cannot say.
  const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi").default;
  const libc = koffi.load(null);
  return {
    socket: libc.func("int socket(int family, int type, int protocol)"),
    setsockopt: libc.func("int setsockopt(int fd, int level, int name, void *value, uint32_t length)"),
    connect: libc.func("int connect(int fd, void *address, uint32_t length)"),
    close: libc.func("int close(int fd)"),
    errno: () => koffi.errno(),
  };
}

function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
