// What the pinned link tells the session of what the upstream sends, and asks it.

import type { LinkEnd } from "../../../core/link.ts";
import type { FrameHead } from "./frame-walk.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";

type Verdict = "pass" | "take";

/**
 * Why a frame of a stream does not pass. `shut`: the stream is not the upstream's any more, or never was. `idle`: it has not
 * been opened, so the upstream is mad. `flaw`: the response must not go on (RFC 9113 §8.1.1).
 */
export type Objection = "shut" | "idle" | { readonly flaw: string };

/** What the session makes of what the upstream sends. */
export interface UpstreamEvents {
  /** Octets of DATA that the client takes now. */
  readonly window: number;
  /** The largest frame that the client takes. */
  readonly clientFrameBytes: number;
  spendWindow(bytes: number): void;
  /** DATA that went to nobody: the upstream may send as much again. */
  returnWindow(bytes: number): void;
  /** bytes[from..to) passes. */
  pass(bytes: Buffer, from: number, to: number): void;
  /** Whole frames of ours, or such as have waited. */
  toClient(frames: Buffer): void;
  /** A header block goes to the client, and says this size of the table last; -1: none. */
  tableSaid(bytes: number): void;
  /** A frame that had waited has been given to `toClient`. */
  heldPassed(type: number, flagBits: number): void;
  /** Nothing of the client's bytes is held any longer. */
  readonly holdsNothing: boolean;
  /** Something of ours waits for a border between frames. */
  readonly waitsForBorder: boolean;
  /** No frame is half-way through to the client. */
  border(): void;
  /** Bytes have come, and are read from now on. */
  arrived(): void;
  /** What has come has been dealt with. */
  settled(): void;
  /** For frames that say nothing of a message. */
  objectionTo(id: number): "shut" | "idle" | null;
  responseData(head: FrameHead): Objection | null;
  responseBlock(id: number, endStream: boolean, block: HeaderBlock): Objection | null;
  /** A stream that the upstream opens by itself, within `id`. */
  pushPromised(id: number, promised: number): Objection | null;
  /** What came before it on the stream is on its way. */
  refuseResponse(id: number, flaw: string): void;
  responseEnded(id: number): void;
  upstreamReset(id: number, code: number): void;
  /** A Buffer: the frame that goes on instead. */
  upstreamSettings(bytes: Buffer, from: number, to: number): Verdict | Buffer;
  upstreamSettingsAck(): Verdict;
  upstreamGoAway(lastStream: number, code: number, detail: Buffer): void;
  /** The upstream lets the client send more on the connection. False: more than it can (RFC 9113 §6.9.1). */
  uploadWindow(bytes: number): boolean;
  upstreamDrained(): void;
  upstreamEnded(): void;
  upstreamClosed(how: LinkEnd, detail: string): void;
  /** What came cannot be carried on. */
  upstreamBroke(code: number, detail: string): void;
}
