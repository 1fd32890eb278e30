// The flow-control windows of the connection (RFC 9113 §5.2). The client's is one, and two senders use it: the upstream,
// which knows only what we passed on of it, and ourselves. `clientTakes` is the truth; `up.windowBytes` is what the upstream
// believes. See docs/decisions/http2-relay.md.

import { defaultWindowBytes, errorCodes, maxWindowBytes, windowUpdateFrame } from "./frames.ts";
import type { SendPort, SendQueue } from "./send-queue.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

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
  /** DATA of ours has gone out since the client's last PING, and between the two before. */
  #sentLately = false;
  #sentBefore = false;
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

  /**
   * The whole window, although the upstream believes most of it to be its own: a client grants more only once it has used
   * much of what there is, so that what is kept for a silent upstream would be waited for without end. DATA of the upstream
   * that finds none left waits, in front of ours (HeldFrames).
   */
  get room(): number {
    const { up, wires } = this.#deps;
    if (wires.clientFull || !up.held.isEmpty) return 0;
    return this.clientTakes;
  }

  get frameBytes(): number {
    return Math.min(this.#deps.settings.client.frameBytes, maxFrameBytes);
  }

  send(bytes: Buffer, dataBytes: number): void {
    this.clientTakes -= dataBytes;
    this.#sentLately = true;
    this.#deps.wires.aside(bytes);
  }

  /**
   * Whether a PING of the client, which has come now, may measure DATA of ours: clients of gRPC probe so, with one PING after
   * the other. An upstream that has sent none itself would take it for a flood (too_many_pings).
   */
  probed(): boolean {
    const isOurs = this.#sentLately || this.#sentBefore;
    this.#sentBefore = this.#sentLately;
    this.#sentLately = false;
    return isOurs;
  }
}
