// Which HTTP a client of the admin port speaks, told by its first three bytes: "PRI" opens HTTP/2 with prior knowledge
// (RFC 9113 §3.4), and no method of HTTP/1 begins so.

import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";

const opening = Buffer.from("PRI");

/** Calls back once with the bytes put back; a socket that stays silent for `waitMs` is ended. */
export function tellProtocol(
  socket: Socket,
  waitMs: number,
  clock: Clock,
  take: (protocol: "http/1" | "http/2") => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = clock.after(waitMs, () => socket.destroy(), { background: true });
  const onClose = () => timer.cancel();
  const onError = () => undefined; // close follows
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const isOpening = opening.subarray(0, seen.length).equals(seen.subarray(0, opening.length));
    if (isOpening && seen.length < opening.length) return;
    timer.cancel();
    socket.off("data", onData).off("close", onClose).off("error", onError);
    socket.pause();
    socket.unshift(seen);
    take(isOpening ? "http/2" : "http/1");
  };
  socket.on("close", onClose);
  socket.on("error", onError);
  socket.on("data", onData);
}
