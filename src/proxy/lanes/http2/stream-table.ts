// The streams of a connection that are open, those that were answered here or reset of late, and how a stream ends.

import { UnderstudyError } from "../../../core/errors.ts";
import type { Traffic } from "../../../core/lane.ts";
import { resetFrame } from "./frames.ts";
import type { ReadTime } from "./read-time.ts";
import type { SendQueue } from "./send-queue.ts";
import { type Http2Stream, LocalStream, RelayedStream } from "./stream.ts";
import { StreamMap } from "./stream-map.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

/** Streams that are open at once; further ones are refused, which a client may try again. */
const maxStreams = 4_096;
/** Streams that were answered here or reset, remembered for frames that were on their way. */
const maxRemembered = 1_024;

export interface StreamTableDeps {
  readonly traffic: Traffic;
  readonly time: ReadTime;
  readonly up: UpstreamHalf;
  readonly wires: Wires;
  readonly queue: SendQueue;
  /** The last open stream has ended. */
  readonly lifetime: { idle(now: number): void };
}

export class StreamTable {
  readonly open = new StreamMap<Http2Stream>();
  /** Our replies have gone to this stream at most: GOAWAY must not disown them. */
  lastLocal = 0;
  /** The last stream that the upstream has been shown. */
  lastRelayed = 0;
  readonly #remembered = new Set<number>();
  readonly #deps: StreamTableDeps;

  constructor(deps: StreamTableDeps) {
    this.#deps = deps;
  }

  get isFull(): boolean {
    return this.open.size >= maxStreams;
  }

  /** Some open stream is answered here. */
  get hasLocal(): boolean {
    for (const stream of this.open.places) if (stream?.kind === "local") return true;
    return false;
  }

  /** Streams are open, and the upstream knows of none of them. */
  get isOurs(): boolean {
    return this.open.size > 0 && this.open.places.every((stream) => stream?.kind !== "relayed");
  }

  /** The stream was answered here, or never let through. */
  wasLocal(id: number): boolean {
    return this.#remembered.has(id);
  }

  remember(id: number): void {
    this.#remembered.add(id);
    if (this.#remembered.size <= maxRemembered) return;
    for (const oldest of this.#remembered) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  closeIfDone(id: number, stream: Http2Stream): void {
    if (!stream.requestDone || !stream.responseDone) return;
    if (stream instanceof LocalStream) this.remember(id);
    this.finish(id, stream);
  }

  finish(id: number, stream: Http2Stream): void {
    this.open.delete(id);
    const { traffic, lifetime, time } = this.#deps;
    const now = time.now();
    stream.call.finish(traffic, now);
    if (this.open.size === 0) lifetime.idle(now);
  }

  /** A stream that is not to be opened. */
  refuse(id: number, code: number): void {
    this.remember(id);
    this.#deps.wires.aside(resetFrame(id, code));
  }

  /** The stream cannot go on; both sides hear so. */
  reset(id: number, stream: Http2Stream, code: number): void {
    const { wires, up } = this.#deps;
    wires.aside(resetFrame(id, code));
    if (stream instanceof RelayedStream && up.isDialled) wires.asideUpstream(resetFrame(id, code));
    this.remember(id);
    this.finish(id, stream);
    this.giveUp(stream);
  }

  /** Lets go of whatever works for the stream. */
  giveUp(stream: Http2Stream): void {
    if (stream instanceof RelayedStream) return;
    this.#deps.queue.remove(stream.out);
    stream.abort.abort(new UnderstudyError("aborted", "the client left"));
    stream.pipe.fail(new UnderstudyError("body_cut", "the client left"));
  }

  /** All streams end, because the connection does. */
  abandonAll(flag: "DC" | "UC", detail: string): void {
    for (const [id, stream] of this.open.entries()) {
      this.open.delete(id);
      stream.call.fail("failed", flag, detail);
      this.giveUp(stream);
      stream.call.finish(this.#deps.traffic);
    }
  }
}
