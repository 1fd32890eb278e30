// A splice under a fault: bytes go through the rule's transforms on their way, in both directions, under backpressure.
//
//   downstream ──data──► up ──transform──► link      each way ends by itself: FIN behind its last byte
//   downstream ◄─transform── down ◄──data── link      a reset, a cut by the fault and the idle deadline end both at once

import type { HostPort } from "../../../core/address.ts";
import type { Connection } from "../../../core/connection.ts";
import type { ConnectionFault } from "../../../core/connection-fault.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { SpliceEnd } from "./splice.ts";

export class FaultedSplice implements LinkEvents, Deadlined {
  deadlineAt = 0;
  seat = -1;
  readonly #connection: Connection;
  readonly #fault: Extract<ConnectionFault, { kind: "bytes" }>;
  readonly #faultEnds: AbortSignal;
  readonly #traffic: Traffic;
  readonly #flags: Flag[] = [];
  readonly #up: BodyPipe;
  readonly #down: BodyPipe;
  /** Ends what waits in the fault. */
  readonly #stop = new AbortController();
  #upBytes = 0;
  #downBytes = 0;
  #detail = "";
  #link: Link | null = null;
  #linkDrained: (() => void) | null = null;
  #linkGone: () => void = () => undefined;

  constructor(
    connection: Connection,
    fault: Extract<ConnectionFault, { kind: "bytes" }>,
    faultEnds: AbortSignal,
    traffic: Traffic,
  ) {
    this.#connection = connection;
    this.#fault = fault;
    this.#faultEnds = faultEnds;
    this.#traffic = traffic;
    const { socket } = connection;
    this.#up = new BodyPipe({ start: () => socket.resume(), stop: () => socket.pause() });
    this.#down = new BodyPipe({ start: () => this.#link?.resume(), stop: () => this.#link?.pause() });
    if (fault.touches("toUpstream") || fault.touches("toDownstream")) this.#flags.push("FI");
  }

  /** Once. Resolves when both sides are closed; never rejects. `first`: bytes of the downstream that were read before. */
  async run(upstream: HostPort, first: Buffer | null): Promise<SpliceEnd> {
    const { socket, signal, dial = this.#traffic.dial } = this.#connection;
    const { deadlines } = this.#traffic;
    const linkGone = new Promise<void>((resolve) => {
      this.#linkGone = resolve;
    });
    const left = new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    }).then(() => this.#clientLeft());
    if (first) this.#up.push(first);
    socket.on("data", (chunk: Buffer) => this.#up.push(chunk));
    socket.on("end", () => this.#up.end([]));
    socket.on("error", () => undefined); // close follows, and the signal with it
    if (socket.readableEnded) this.#up.end([]);
    this.#touch();
    deadlines.add(this);
    this.#link = dial(upstream, this);
    await Promise.allSettled([this.#pumpUp(), this.#pumpDown(), left, linkGone]);
    deadlines.remove(this);
    return { upBytes: this.#upBytes, downBytes: this.#downBytes, flags: this.#flags, detail: this.#detail };
  }

  async #pumpUp(): Promise<void> {
    for await (const chunk of this.#through("toUpstream", this.#up)) {
      this.#upBytes += chunk.length;
      this.#touch();
      if (this.#link && !this.#link.write(chunk))
        await new Promise<void>((wake) => {
          this.#linkDrained = wake;
        });
    }
    this.#link?.end();
  }

  async #pumpDown(): Promise<void> {
    const { socket, signal } = this.#connection;
    try {
      for await (const chunk of this.#through("toDownstream", this.#down)) {
        this.#downBytes += chunk.length;
        this.#touch();
        if (!socket.write(chunk)) await drained(socket, signal);
      }
      socket.end();
    } catch {
      // A cut stream: what was let through still arrives, then FIN, and nothing more is taken from either side.
      socket.end(() => this.#cut("cut by the fault"));
    }
  }

  #through(direction: "toUpstream" | "toDownstream", pipe: BodyPipe): AsyncIterable<Uint8Array> {
    const span = { signal: this.#stop.signal, faultEnds: this.#faultEnds };
    return this.#fault.transform(direction, pipe.body(null).chunks(), span);
  }

  data(chunk: Buffer): boolean {
    this.#touch();
    this.#down.push(Buffer.from(chunk));
    return true;
  }

  drain(): void {
    const wake = this.#linkDrained;
    this.#linkDrained = null;
    this.#touch();
    wake?.();
  }

  end(): void {
    this.#down.end([]);
  }

  close(how: LinkEnd, detail: string): void {
    this.#link = null;
    this.#linkGone();
    if (how !== "closed") {
      this.#blame(how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC", detail);
      this.#connection.socket.resetAndDestroy();
    }
    this.drain();
    this.#down.end([]);
  }

  expire(): void {
    this.#blame("SI", `no byte in either direction for ${this.#traffic.settings.deadlines.opaqueIdleMs} ms`);
    this.#cut("idle");
  }

  /** After an orderly end the upstream still gets what is under way to it; otherwise it is cut as the downstream was. */
  #clientLeft(): void {
    const { socket } = this.#connection;
    if (socket.readableEnded && socket.writableFinished) return;
    this.#blame("DC", "");
    this.#cut("the client left");
  }

  #cut(why: string): void {
    const error = new Error(why);
    this.#stop.abort(error);
    this.#up.fail(error);
    this.#down.fail(error);
    this.#link?.destroy(true);
    this.#link = null;
    this.#linkGone();
    this.drain();
    this.#connection.socket.destroy();
  }

  #touch(): void {
    this.deadlineAt = this.#traffic.clock.now() + this.#traffic.settings.deadlines.opaqueIdleMs;
  }

  /** The first cause stands; what follows from it is not another. */
  #blame(flag: Flag, detail: string): void {
    if (this.#flags.some((known) => known !== "FI") || this.#stop.signal.aborted) return;
    this.#flags.push(flag);
    this.#detail = detail;
  }
}

function drained(socket: Connection["socket"], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const gone = () => reject(signal.reason);
    signal.addEventListener("abort", gone, { once: true });
    socket.once("drain", () => {
      signal.removeEventListener("abort", gone);
      resolve();
    });
  });
}
