// What the client's half of a connection tells the session of what the client sends, and asks it.

import type { HeaderBlock } from "./hpack/header-block.ts";
import type { Http2Stream, LocalStream } from "./stream.ts";
import type { StreamMap } from "./stream-map.ts";

type Verdict = "pass" | "take";

/** What the session makes of what the client sends. */
export interface ClientEvents {
  readonly streams: StreamMap<Http2Stream>;
  /** The largest frame that the client has been allowed. */
  readonly serverFrameBytes: number;
  /** True where somebody is there to get what passes. */
  readonly hasUpstream: boolean;
  /** bytes[from..to) passes. */
  toUpstream(bytes: Buffer, from: number, to: number): void;
  /** Something of ours waits for a border between the frames to the upstream. */
  readonly uploadWaits: boolean;
  uploadBorder(): void;
  /** A header block: a new request, or trailers. `priority`: five octets, or none. */
  requestBlock(stream: number, endStream: boolean, block: HeaderBlock, priority: Buffer): void;
  /** False: the client sent more than it was allowed to. */
  spendUpload(bytes: number): boolean;
  /** DATA of a stream that is closed came and went nowhere: its octets are given back. */
  creditConnection(bytes: number): void;
  localData(stream: LocalStream): void;
  requestEnded(id: number, stream: Http2Stream): void;
  /** The stream cannot go on; both sides hear so. */
  resetStream(id: number, code: number, why: string): void;
  clientReset(id: number, stream: Http2Stream, code: number): void;
  /** The stream was answered here, or never let through. */
  wasLocal(id: number): boolean;
  clientSettings(bytes: Buffer, from: number, to: number): Verdict;
  clientSettingsAck(): Verdict;
  ping(isAck: boolean, payload: Buffer): Verdict;
  connectionWindow(bytes: number): void;
  streamWindow(stream: LocalStream, bytes: number): void;
  /** The connection cannot go on. */
  refuse(code: number, reason: string): void;
}
