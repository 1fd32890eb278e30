// A splice under a fault: bytes go through the rule's transforms on their way, in both directions, under backpressure.

import type { HostPort } from "../../../core/address.ts";
import { pause } from "../../../core/clock.ts";
import type { Connection } from "../../../core/connection.ts";
import type { ConnectionFault } from "../../../core/connection-fault.ts";
import type { ConnectionClaim, Traffic } from "../../../core/lane.ts";
import type { Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { SpliceEnd } from "./splice.ts";

/** Serves a claimed connection to its end; never rejects. */
export async function serveFaulted(
  connection: Connection,
  upstream: HostPort,
  first: Buffer | null,
  { fault, faultEnds }: ConnectionClaim,
  traffic: Traffic,
): Promise<SpliceEnd> {
  const { socket, signal } = connection;
  const delayMs = fault.delayMs();
  const flags: Flag[] = delayMs > 0 ? ["DI"] : [];
  const end = (detail: string, up = 0, down = 0): SpliceEnd => ({
    upBytes: up,
    downBytes: down,
    flags,
    detail,
  });
  socket.pause();
  try {
    await pause(traffic.clock, delayMs, signal, faultEnds);
  } catch {
    return end("the client left during the delay");
  }
  if (fault.kind === "bytes") {
    const splice = new FaultedSplice(connection, fault, faultEnds, traffic, flags);
    await splice.run(upstream, first);
    return end(splice.detail, splice.upBytes, splice.downBytes);
  }
  flags.push("FI");
  if (fault.how === "rst") socket.resetAndDestroy();
  else if (fault.how === "fin") socket.end(() => socket.destroy());
  else await hang(connection, faultEnds, traffic);
  socket.destroy();
  return end("");
}

/** Silence until the client leaves or the time is over; a rule that is not in force any more ends it by a reset. */
async function hang(
  { socket, signal }: Connection,
  faultEnds: AbortSignal,
  { clock, settings }: Traffic,
): Promise<void> {
  await pause(clock, settings.deadlines.hangMs, signal, faultEnds).catch(() => undefined);
  if (faultEnds.aborted) socket.resetAndDestroy();
}

class FaultedSplice implements LinkEvents {
  upBytes = 0;
  downBytes = 0;
  detail = "";
  readonly #connection: Connection;
  readonly #fault: Extract<ConnectionFault, { kind: "bytes" }>;
  readonly #span: { readonly signal: AbortSignal; readonly faultEnds: AbortSignal };
  readonly #traffic: Traffic;
  readonly #flags: Flag[];
  readonly #up: BodyPipe;
  readonly #down: BodyPipe;
  #link: Link | null = null;
  #linkDrained: (() => void) | null = null;

  constructor(
    connection: Connection,
    fault: Extract<ConnectionFault, { kind: "bytes" }>,
    faultEnds: AbortSignal,
    traffic: Traffic,
    flags: Flag[],
  ) {
    this.#connection = connection;
    this.#fault = fault;
    this.#span = { signal: connection.signal, faultEnds };
    this.#traffic = traffic;
    this.#flags = flags;
    const { socket } = connection;
    this.#up = new BodyPipe({ start: () => socket.resume(), stop: () => socket.pause() });
    this.#down = new BodyPipe({ start: () => this.#link?.resume(), stop: () => this.#link?.pause() });
    if (fault.touches("toUpstream") || fault.touches("toDownstream")) flags.push("FI");
  }

  async run(upstream: HostPort, first: Buffer | null): Promise<void> {
    const { socket, signal } = this.#connection;
    if (first) this.#up.push(first);
    socket.on("data", (chunk: Buffer) => this.#up.push(chunk));
    socket.on("end", () => this.#up.end([]));
    socket.on("error", () => undefined); // close follows, and the signal with it
    signal.addEventListener("abort", () => this.#cut("the client left"), { once: true });
    if (socket.readableEnded) this.#up.end([]);
    this.#link = (this.#connection.dial ?? this.#traffic.dial)(upstream, this);
    await Promise.allSettled([this.#pumpUp(), this.#pumpDown()]);
    this.#link?.destroy(false);
    socket.destroy();
  }

  async #pumpUp(): Promise<void> {
    const chunks = this.#up.body(null).chunks();
    for await (const chunk of this.#fault.transform("toUpstream", chunks, this.#span)) {
      this.upBytes += chunk.length;
      if (this.#link && !this.#link.write(chunk))
        await new Promise<void>((wake) => (this.#linkDrained = wake));
    }
    this.#link?.end();
  }

  async #pumpDown(): Promise<void> {
    const { socket, signal } = this.#connection;
    try {
      for await (const chunk of this.#fault.transform(
        "toDownstream",
        this.#down.body(null).chunks(),
        this.#span,
      )) {
        this.downBytes += chunk.length;
        if (!socket.write(chunk)) await drained(socket, signal);
      }
      socket.end();
    } catch {
      // A cut stream: what was let through still arrives, then FIN, and nothing more is taken from either side.
      socket.end(() => this.#cut("cut by the fault"));
    }
  }

  data(chunk: Buffer): boolean {
    this.#down.push(Buffer.from(chunk));
    return true;
  }

  drain(): void {
    const wake = this.#linkDrained;
    this.#linkDrained = null;
    wake?.();
  }

  end(): void {
    this.#down.end([]);
  }

  close(how: LinkEnd, detail: string): void {
    this.#link = null;
    if (how !== "closed") {
      this.#flags.push(how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC");
      this.detail = detail;
      this.#connection.socket.resetAndDestroy();
    }
    this.drain();
    this.#down.end([]);
  }

  #cut(why: string): void {
    this.#up.fail(new Error(why));
    this.#down.fail(new Error(why));
    this.#link?.destroy(true);
    this.#link = null;
    this.drain();
    this.#connection.socket.destroy();
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
