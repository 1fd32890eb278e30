// Stderr for lines about traffic, which must not wait for whoever reads them. The descriptor may be shared with the command
// that we stand beside, so whether it blocks is not ours to change: a pipe or a terminal is opened once more for ourselves,
// and a socket is asked for each write not to wait.

import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { constants as os } from "node:os";
import { isatty } from "node:tty";
import type { Clock } from "../core/clock.ts";
import { BoundedSink, type ReadyWriter } from "./bounded-sink.ts";

const fd = 2;
// Linux: include/linux/socket.h.
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** `stream`: Node's own, for what can neither be opened again nor asked; made only then, since making it changes the descriptor. */
export function openStandardError(clock: Clock, stream: () => NodeJS.WritableStream): BoundedSink {
  return new BoundedSink(writerOf(stream), isatty(fd), clock);
}

function writerOf(stream: () => NodeJS.WritableStream): ReadyWriter {
  try {
    const kind = fstatSync(fd);
    if (kind.isFile()) return { write: (bytes) => writeSync(fd, bytes) };
    return kind.isSocket() ? writeToSocket(stream) : writeOnceMoreOpened();
  } catch {
    return writeToStream(stream());
  }
}

/** Throws where it may not be opened, as when another user made it. */
function writeOnceMoreOpened(): ReadyWriter {
  const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  // The same for whoever reads: where it is not (a device that makes another of itself), better to leave it.
  if (fstatSync(own).ino !== fstatSync(fd).ino) {
    closeSync(own);
    throw new Error("another file");
  }
  return {
    write(bytes) {
      try {
        return writeSync(own, bytes);
      } catch (thrown) {
        if (Object(thrown).code === "EAGAIN") return 0;
        throw thrown;
      }
    },
  };
}

/** The library is loaded with the first line: most commands write none. */
function writeToSocket(stream: () => NodeJS.WritableStream): ReadyWriter {
  let writer: ReadyWriter | null = null;
  return {
    write(bytes) {
      writer ??= sendWithoutWaiting() ?? writeToStream(stream());
      return writer.write(bytes);
    },
    isBusy: () => writer?.isBusy?.() ?? false,
  };
}

function sendWithoutWaiting(): ReadyWriter | null {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi").default;
    const send = koffi.load(null).func("ssize_t send(int fd, const void *bytes, size_t length, int flags)");
    return {
      write(bytes) {
        const sent = Number(send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
        if (sent >= 0) return sent;
        if (koffi.errno() === os.errno.EAGAIN) return 0;
        throw new Error("the reader has gone");
      },
    };
  } catch {
    return null;
  }
}

/** It keeps what does not leave at once, so it is given nothing more until that has left. */
function writeToStream(stream: NodeJS.WritableStream & { readonly writableLength?: number }): ReadyWriter {
  let gone = false;
  stream.on("error", () => {
    gone = true;
  });
  const isBusy = () => !gone && (stream.writableLength ?? 0) > 0;
  return {
    write(bytes) {
      if (gone) throw new Error("the reader has gone");
      if (isBusy()) return 0;
      stream.write(bytes);
      return bytes.length;
    },
    isBusy,
  };
}
