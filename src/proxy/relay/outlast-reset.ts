// An upstream that leaves may have spoken before: it answers 413 to an upload and closes, say, and what it has not read makes
// that a reset. Its words lie in the kernel still, where Node throws them away at the first write that fails.
//
//   a write fails ──► deaf: what comes is read, what is written would be lost ──► nothing more comes ──► destroyed, with that error

import type { Socket } from "node:net";

/** From now on the socket outlasts such a write. `deaf`: called once then; whatever is written after it would pile up. */
export function outlastReset(socket: Socket, deaf: () => void): void {
  const destroy = socket.destroy.bind(socket);
  const push = socket.push.bind(socket);
  let failure: Error | null = null;
  let hasEnded = false;
  socket.destroy = (error) => {
    if (failure || hasEnded || !isReset(error)) return destroy(error);
    failure = error;
    deaf();
    return socket;
  };
  // How Node tells a stream that nothing more comes; its own `end` is not emitted behind an error.
  socket.push = (chunk, encoding) => {
    if (chunk !== null) return push(chunk, encoding);
    hasEnded = true;
    if (!failure) return push(chunk, encoding);
    destroy(failure);
    return false;
  };
}

function isReset(error: NodeJS.ErrnoException | undefined): error is Error {
  return error?.syscall === "write" && (error.code === "ECONNRESET" || error.code === "EPIPE");
}
