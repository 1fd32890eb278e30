// What becomes of what the upstream sends on the pinned link: replies are watched on their way, and its ends and faults reach
// the client as it would have seen them without us.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { LinkEnd } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import type { ConnectionWindows } from "./connection-windows.ts";
import { replyFields } from "./fixed-replies.ts";
import { errorCodes, flags, goAwayFrame, headerFrames, maxWindowBytes, resetFrame } from "./frames.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import type { Lifetime } from "./lifetime.ts";
import { failureReply } from "./rich-road.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import { RelayedStream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";
import type { UpstreamEvents, UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

type Verdict = "pass" | "take";

export interface FromUpstreamDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly up: UpstreamHalf;
  readonly encoder: HpackEncoder;
  readonly wires: Wires;
  readonly windows: ConnectionWindows;
  readonly settings: SettingsExchange;
  readonly table: StreamTable;
  readonly lifetime: Lifetime;
}

export class FromUpstream implements UpstreamEvents {
  /** Nothing more comes from the link, and none may be dialled again. */
  gone = false;
  /** It said GOAWAY. */
  #goingAway = false;
  readonly #deps: FromUpstreamDeps;

  constructor(deps: FromUpstreamDeps) {
    this.#deps = deps;
  }

  /** No further stream may go there. */
  get refusesStreams(): boolean {
    return this.#goingAway || this.gone;
  }

  /** The upstream has said GOAWAY: the streams that it took still have their time. */
  get isGoingAway(): boolean {
    return this.#goingAway;
  }

  /** Dials the pinned link where that has not been done. */
  connect(): void {
    const { connection, up, encoder, settings, windows } = this.#deps;
    const upstream = connection.originalDestination;
    if (!upstream || up.isDialled || this.gone) return;
    encoder.reset();
    settings.linkOpens();
    up.connect(upstream, settings.client.said, windows.clientTakes);
  }

  // ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────

  get holdsNothing(): boolean {
    return this.#deps.wires.holdsNothing;
  }

  get waitsForBorder(): boolean {
    return this.#deps.wires.toClient.waits;
  }

  border(): void {
    this.#deps.wires.toClient.border();
  }

  get clientFrameBytes(): number {
    return this.#deps.settings.client.frameBytes;
  }

  get window(): number {
    return this.#deps.windows.clientTakes;
  }

  spendWindow(bytes: number): void {
    this.#deps.windows.clientTakes -= bytes;
  }

  toClient(bytes: Buffer): void {
    this.#deps.wires.toClient.add(bytes);
  }

  responseData(id: number, bytes: number): void {
    const stream = this.#deps.table.open.get(id);
    if (stream) stream.call.responseBytes += bytes;
  }

  responseBlock(id: number, block: HeaderBlock): void {
    this.#deps.settings.tableSaid();
    const stream = this.#deps.table.open.get(id);
    if (!(stream instanceof RelayedStream)) return;
    stream.call.responseBytes += block.listBytes;
    const first = block.fields[0]?.field;
    if (stream.responded || first?.name !== ":status") return;
    const status = Number(first.value);
    stream.responded = status >= 200;
    if (stream.responded) stream.call.status = status;
  }

  responseEnded(id: number): void {
    const stream = this.#deps.table.open.get(id);
    if (!(stream instanceof RelayedStream)) return;
    stream.responseDone = true;
    this.#deps.table.closeIfDone(id, stream);
  }

  upstreamReset(id: number, code: number): void {
    const stream = this.#deps.table.open.get(id);
    if (!(stream instanceof RelayedStream)) return;
    if (!stream.responseDone) {
      stream.call.flag("UC");
      stream.call.remark(`the upstream reset the stream with code ${code}`);
      if (!stream.responded) stream.call.outcome = "failed";
    }
    this.#deps.table.finish(id, stream);
  }

  // ── the connection ───────────────────────────────────────────────────────────────────────────────────────────────

  upstreamSettings(bytes: Buffer, from: number, to: number): Verdict {
    return this.#deps.settings.fromUpstream(bytes, from, to);
  }

  upstreamSettingsAck(): Verdict {
    return this.#deps.settings.ackFromUpstream();
  }

  uploadWindow(bytes: number): void {
    this.#deps.windows.allowUpload(bytes);
  }

  upstreamDrained(): void {
    this.#deps.wires.upstreamFull = false;
    this.#deps.wires.updateFlow();
  }

  upstreamGoAway(lastStream: number, code: number, detail: Buffer): void {
    const { table, wires, lifetime } = this.#deps;
    const isFinal = lastStream < maxWindowBytes; // RFC 9113 §6.8: 2^31-1 only announces the one that counts
    if (isFinal) this.#goingAway = true;
    for (const [id, stream] of [...table.open]) {
      if (!(stream instanceof RelayedStream) || id <= lastStream || (id & 1) === 0) continue;
      stream.call.fail("failed", "UC", "the upstream is going away");
      // Had the client only our GOAWAY to go by, it could not know that this one was never looked at.
      wires.aside(resetFrame(id, errorCodes.refusedStream));
      table.remember(id);
      table.finish(id, stream);
    }
    if (isFinal) lifetime.goAwaySent = true;
    wires.aside(goAwayFrame(Math.max(lastStream, table.lastLocal), code, detail.toString("latin1")));
  }

  upstreamEnded(): void {
    this.gone = true;
    this.#deps.lifetime.closeWhenDone();
  }

  /** The pinned link is gone. One that was never open may be dialled again by a later call. */
  upstreamClosed(how: LinkEnd, detail: string): void {
    const { wires, table, connection, settings, lifetime, up } = this.#deps;
    if (wires.gone || wires.closing) return;
    const neverOpen = how === "refused" || how === "timeout";
    this.gone = !neverOpen;
    wires.upstreamFull = false;
    const flag = how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC";
    const text = detail === "" ? "the upstream ended the connection" : detail;
    const relayed = [...table.open.values()].filter((stream) => stream instanceof RelayedStream).length;
    const isAlone = relayed === table.open.size && table.lastLocal === 0;
    // Nothing but this upstream has spoken here: its end is the connection's end, as it came.
    if (isAlone && connection.mode === "transparent" && how !== "closed" && (relayed > 0 || !neverOpen)) {
      connection.socket.resetAndDestroy(); // first: the end of the last stream would end it by FIN
      return this.#failRelayed(flag, text, null);
    }
    settings.send();
    this.#failRelayed(flag, text, neverOpen ? (how === "timeout" ? 504 : 502) : null);
    if (up.insideFrame) connection.socket.destroy();
    else lifetime.closeWhenDone();
    wires.flush();
  }

  /** `status`: what a client that knows of us is told; null where the upstream had begun to answer. */
  #failRelayed(flag: Flag, detail: string, status: number | null): void {
    const { table, connection, wires } = this.#deps;
    for (const [id, stream] of [...table.open]) {
      if (!(stream instanceof RelayedStream)) continue;
      stream.call.fail("failed", flag, detail);
      const speaks = status !== null && connection.mode !== "transparent";
      if (speaks) {
        stream.call.status = status;
        const { headers } = failureReply(status, detail);
        const fields = replyFields(status, [...headers, ["understudy-error", printable(detail)]], null, null);
        wires.aside(headerFrames(id, flags.endStream, encodeLiterals(fields)));
      }
      if (!speaks || !stream.requestDone) {
        const code = speaks
          ? errorCodes.none
          : status !== null
            ? errorCodes.refusedStream
            : errorCodes.internal;
        wires.aside(resetFrame(id, code));
      }
      table.remember(id);
      table.finish(id, stream);
    }
  }

  upstreamBroke(detail: string): void {
    this.#deps.lifetime.refuse(errorCodes.internal, `the upstream broke HTTP/2: ${detail}`, "UPE");
  }
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
