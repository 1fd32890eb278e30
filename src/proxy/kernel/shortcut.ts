// The short way where there is one: on Linux, for sockets of the main thread. What it needs is loaded with the first socket that
// is busy, because it takes memory that a sidecar at rest need not have.

import type { Socket } from "node:net";
import { arch, platform } from "node:os";
import { isMainThread } from "node:worker_threads";
import type { Shortcut, ShortcutSocket, SocketReader } from "../../core/shortcut.ts";
import type { KernelSocketDeps } from "./kernel-socket.ts";

type Taken = (socket: Socket, reader: SocketReader) => ShortcutSocket | null;

/** `failed` is told, once, why there is none although there should be; then all goes the way of Node. */
export function createShortcut(failed: (why: string) => void): Shortcut {
  const isPossible = platform() === "linux" && isMainThread && (arch() === "x64" || arch() === "arm64");
  let state: "unasked" | "loading" | "ready" | "none" = isPossible ? "unasked" : "none";
  let take: Taken = () => null;
  let close = (): void => undefined;
  const load = async (): Promise<void> => {
    const [{ openLibc }, { Poller }, { takeSocket }] = await Promise.all([
      import("./libc.ts"),
      import("./poller.ts"),
      import("./kernel-socket.ts"),
    ]);
    if (state !== "loading") return;
    const { libc, libuv } = openLibc();
    const deps: KernelSocketDeps = { libc, poller: new Poller(libc, libuv, arch() === "x64") };
    take = (socket, reader) => takeSocket(socket, reader, deps);
    close = () => deps.poller.close();
    state = "ready";
  };
  return {
    take(socket, reader) {
      if (state === "ready") return take(socket, reader);
      if (state === "unasked") {
        state = "loading";
        load().catch((error: Error) => {
          state = "none";
          failed(error.message);
        });
      }
      return null;
    },
    close() {
      state = "none";
      close();
    },
  };
}
