// What the readers of the upstream's header blocks and DATA ask of whoever walks over its frames.

import type { Objection } from "./upstream-events.ts";

export interface FramePort {
  /** Whole frames to the client, behind everything that has passed. */
  send(bytes: Buffer): void;
  /** The DATA frame that is coming in was taken; the rest of it goes on as it comes. */
  passRest(): void;
  /** `what` came on the stream and does not go on. */
  keepBack(stream: number, objection: Objection, what: string): void;
  /** The connection cannot go on. */
  wrong(code: number, detail: string): "take";
}
