// What RFC 9113 §6 asks of a frame whoever sends it: its length, and whether it speaks of a stream or of the connection. DATA,
// HEADERS, PUSH_PROMISE and CONTINUATION are looked at by those who read them.

import type { FrameHead } from "./frame-walk.ts";
import { errorCodes, flags, frameTypes } from "./frames.ts";

/** Why the connection cannot go on; a code for GOAWAY. */
export interface FrameFlaw {
  readonly code: number;
  readonly reason: string;
}

/** null where nothing is wrong with it. */
export function flawOfFrame({ type, flags: bits, stream, length }: FrameHead): FrameFlaw | null {
  switch (type) {
    case frameTypes.windowUpdate:
      return length === 4 ? null : wrongLength("WINDOW_UPDATE");
    case frameTypes.reset:
      return length === 4 ? null : wrongLength("RST_STREAM");
    case frameTypes.settings:
      if (stream !== 0) return misplaced("SETTINGS on a stream");
      return (bits & flags.ack) === 0 || length === 0 ? null : tooLong("SETTINGS ACK with a payload");
    case frameTypes.ping:
      if (stream !== 0) return misplaced("PING on a stream");
      return length === 8 ? null : wrongLength("PING");
    case frameTypes.goAway:
      if (stream !== 0) return misplaced("GOAWAY on a stream");
      return length >= 8 ? null : wrongLength("GOAWAY");
    case frameTypes.priority:
      if (stream === 0) return misplaced("PRIORITY on the connection");
      return length === 5 ? null : wrongLength("PRIORITY");
    default:
      return null;
  }
}

function misplaced(reason: string): FrameFlaw {
  return { code: errorCodes.protocol, reason };
}

function tooLong(reason: string): FrameFlaw {
  return { code: errorCodes.frameSize, reason };
}

function wrongLength(name: string): FrameFlaw {
  return { code: errorCodes.frameSize, reason: `${name} of a wrong length` };
}
