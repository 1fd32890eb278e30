// The flow-control windows of the connection (RFC 9113 §5.2). The client's is one, and two senders use it: the upstream,
// which knows only what we passed on of it, and ourselves. `clientTakes` is the truth; `up.windowBytes` is what the upstream
// believes. See docs/decisions/http2-relay.md.

import { defaultWindowBytes, errorCodes, maxWindowBytes, windowUpdateFrame } from "./frames.ts";
import type { SendPort, SendQueue } from "./send-queue.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

/** How far replies of ours may run ahead of the window that the upstream believes to have. */
const maxDebtBytes = defaultWindowBytes;
/** Largest DATA frame of ours, whatever the client would take. */
const maxFrameBytes = 65_536;

export interface ConnectionWindowsDeps {
  readonly up: UpstreamHalf;
  readonly wires: Wires;
  readonly settings: SettingsExchange;
  readonly queue: SendQueue;
  readonly lifetime: { refuse(code: number, reason: string): void };
}

export class ConnectionWindows implements SendPort {
  /** Octets of DATA that the client takes. */
  clientTakes = defaultWindowBytes;
  /** Octets of DATA that the client may send. */
  #clientMaySend = defaultWindowBytes;
  /** What the client gets back: it went to nobody upstream. */
  #creditDue = 0;
  readonly #deps: ConnectionWindowsDeps;

  constructor(deps: ConnectionWindowsDeps) {
    this.#deps = deps;
  }

  // ── the client's uploads ─────────────────────────────────────────────────────────────────────────────────────────

  /** False: the client sent more than it was allowed to. */
  spendUpload(bytes: number): boolean {
    this.#clientMaySend -= bytes;
    return this.#clientMaySend >= 0;
  }

  /** The upstream lets the client send more. False: more than it can (RFC 9113 §6.9.1). */
  allowUpload(bytes: number): boolean {
    this.#clientMaySend += bytes;
    return this.#clientMaySend <= maxWindowBytes;
  }

  credit(bytes: number): void {
    this.#creditDue += bytes;
  }

  /** Gives back in one frame what is due. */
  settleCredit(): void {
    if (this.#creditDue === 0) return;
    const bytes = this.#creditDue;
    this.#creditDue = 0;
    this.#clientMaySend += bytes;
    this.#deps.wires.aside(windowUpdateFrame(0, bytes));
  }

  // ── what the client takes ────────────────────────────────────────────────────────────────────────────────────────

  /** The client takes more. */
  grow(bytes: number): void {
    const { up, queue } = this.#deps;
    this.clientTakes += bytes;
    if (this.clientTakes > maxWindowBytes)
      return this.#deps.lifetime.refuse(errorCodes.flowControl, "a connection window larger than 2^31-1");
    up.release();
    this.pass(queue.isWaiting ? Math.ceil(bytes / 2) : bytes);
    queue.pump();
  }

  /** Passes on what the client granted beyond what the upstream knows of, at most `bytes`; replies of ours get the rest. */
  pass(bytes: number): void {
    const { up, queue, wires } = this.#deps;
    if (!up.isDialled) return;
    const unknown = this.clientTakes - up.windowBytes - up.held.windowBytes;
    const granted = Math.min(unknown, queue.isWaiting ? bytes : unknown);
    if (granted <= 0) return;
    up.allow(granted);
    wires.asideUpstream(windowUpdateFrame(0, granted));
  }

  // ── SendPort: DATA of ours ───────────────────────────────────────────────────────────────────────────────────────

  get room(): number {
    const { up, wires } = this.#deps;
    if (wires.clientFull || !up.held.isEmpty) return 0;
    if (!up.isDialled) return this.clientTakes;
    return Math.min(this.clientTakes, this.clientTakes - up.windowBytes + maxDebtBytes);
  }

  get frameBytes(): number {
    return Math.min(this.#deps.settings.client.frameBytes, maxFrameBytes);
  }

  send(bytes: Buffer, dataBytes: number): void {
    this.clientTakes -= dataBytes;
    this.#deps.wires.aside(bytes);
  }
}
