// What becomes of what the upstream sends on the pinned link: replies are watched on their way, and its ends and faults reach
// the client as it would have seen them without us.

import type { Connection } from "../../../core/connection.ts";
import { http2CodeText } from "../../../core/http2-codes.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { LinkEnd } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import type { ClientHalf } from "./client-half.ts";
import type { ConnectionWindows } from "./connection-windows.ts";
import type { FrameHead } from "./frame-walk.ts";
import { errorCodes, flags, maxWindowBytes, resetFrame } from "./frames.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import type { Lifetime } from "./lifetime.ts";
import type { ReadTime } from "./read-time.ts";
import { flawOfTrailers } from "./request-head.ts";
import { ResponseHead } from "./response-head.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import { bodyLeftAfter, RelayedStream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";
import { tellFailure } from "./tell-failure.ts";
import type { Objection, UpstreamEvents } from "./upstream-events.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

type Verdict = "pass" | "take";

const upstreamLeft = "the upstream ended the connection";

export interface FromUpstreamDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly time: ReadTime;
  readonly client: ClientHalf;
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
  #lastPromised = 0;
  readonly #head = new ResponseHead();
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
    up.connect(upstream, settings.linkOpens(), windows.clientTakes);
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
    return this.#deps.settings.framesOfUpstream;
  }

  get window(): number {
    return this.#deps.windows.clientTakes;
  }

  spendWindow(bytes: number): void {
    this.#deps.windows.clientTakes -= bytes;
  }

  pass(bytes: Buffer, from: number, to: number): void {
    this.#deps.wires.toClient.pass(bytes, from, to);
  }

  toClient(frames: Buffer): void {
    this.#deps.wires.toClient.add(frames);
  }

  tableSaid(bytes: number): void {
    this.#deps.settings.tableSaid(bytes);
  }

  heldPassed(type: number, flagBits: number): void {
    this.#deps.settings.heldPassed(type, flagBits);
  }

  returnWindow(bytes: number): void {
    this.#deps.windows.pass(bytes);
  }

  arrived(): void {
    this.#deps.time.begin();
  }

  settled(): void {
    this.#deps.time.end();
    this.#deps.lifetime.closeWhenDone();
  }

  objectionTo(id: number): "shut" | "idle" | null {
    const { table } = this.#deps;
    if (table.open.get(id) instanceof RelayedStream) return null;
    if (id === 0 || id > ((id & 1) === 1 ? table.lastRelayed : this.#lastPromised)) return "idle";
    // What the client gave up is still on its way, and the client expects it; what is ours is nobody else's.
    return table.open.has(id) || table.wasLocal(id) ? "shut" : null;
  }

  responseData(head: FrameHead): Objection | null {
    const { stream: id, length } = head;
    const stream = this.#deps.table.open.get(id);
    if (!(stream instanceof RelayedStream)) return this.objectionTo(id);
    stream.call.responseBytes += length;
    if (!stream.responded) return { flaw: "DATA before a final head" };
    if (stream.responseLeft === null) return null;
    const ends = (head.flags & flags.endStream) !== 0;
    stream.responseLeft = bodyLeftAfter(stream.responseLeft, length - head.padding, ends);
    return stream.responseLeft < 0 ? { flaw: "its body is not content-length long" } : null;
  }

  responseBlock(id: number, endStream: boolean, block: HeaderBlock): Objection | null {
    const stream = this.#deps.table.open.get(id);
    if (!(stream instanceof RelayedStream)) return this.objectionTo(id);
    stream.call.responseBytes += block.listBytes;
    if (endStream && stream.grpcType !== null) stream.call.grpcStatus = statusOfGrpc(block);
    const flaw = stream.responded
      ? this.#flawOfTrailers(stream, endStream, block)
      : this.#takeHead(stream, endStream, block);
    return flaw === null ? null : { flaw };
  }

  #takeHead(stream: RelayedStream, endStream: boolean, block: HeaderBlock): string | null {
    const head = this.#head;
    const flaw = head.read(block);
    if (flaw !== null) return flaw;
    const { status } = head;
    if (status < 200)
      return endStream && status > 0 ? `an interim response of ${status} ends the stream` : null;
    stream.responded = true;
    const { method } = stream.call;
    if (method === "HEAD" || status === 204 || status === 304) stream.responseLeft = 0;
    else if (method !== "CONNECT") stream.responseLeft = head.contentLength; // a tunnel has no body
    if (endStream && (stream.responseLeft ?? 0) > 0) return "content-length without a body";
    stream.call.status = status;
    return null;
  }

  #flawOfTrailers(stream: RelayedStream, endStream: boolean, block: HeaderBlock): string | null {
    if (!endStream) return "a header block behind the head does not end the stream";
    return (stream.responseLeft ?? 0) > 0 ? "its body is not content-length long" : flawOfTrailers(block);
  }

  pushPromised(id: number, promised: number): Objection | null {
    const { table, settings, wires } = this.#deps;
    if (settings.client.refusesPush || (promised & 1) === 1 || promised <= this.#lastPromised) return "idle";
    this.#lastPromised = promised;
    const objection = this.objectionTo(id);
    if (objection !== "shut") return objection;
    table.remember(promised);
    wires.asideUpstream(resetFrame(promised, errorCodes.cancel));
    return objection;
  }

  /** RFC 9113 §8.1.1: a stream error, and the client gets what it can still be told. */
  refuseResponse(id: number, flaw: string): void {
    const { table, wires } = this.#deps;
    const stream = table.open.get(id);
    wires.asideUpstream(resetFrame(id, errorCodes.protocol));
    if (!(stream instanceof RelayedStream)) return;
    const detail = `the upstream sent a malformed response: ${flaw}`;
    const { responded } = stream;
    stream.call.fail("failed", "UPE", detail);
    if (responded && stream.call.status > 0) wires.aside(resetFrame(id, errorCodes.protocol));
    else tellFailure(id, stream, 502, detail, this.#deps);
    table.remember(id);
    table.finish(id, stream);
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
      stream.call.remark(`the upstream reset the stream with ${http2CodeText(code)}`);
      if (!stream.responded) stream.call.outcome = "failed";
    }
    // RFC 9113 §5.1: trailers may be on their way that the client sent before it heard of this.
    if (!stream.requestDone) this.#deps.table.remember(id);
    this.#deps.table.finish(id, stream);
  }

  // ── the connection ───────────────────────────────────────────────────────────────────────────────────────────────

  upstreamSettings(bytes: Buffer, from: number, to: number): Verdict | Buffer {
    return this.#deps.settings.fromUpstream(bytes, from, to);
  }

  upstreamSettingsAck(): Verdict {
    return this.#deps.settings.ackFromUpstream();
  }

  uploadWindow(bytes: number): boolean {
    return this.#deps.windows.allowUpload(bytes);
  }

  upstreamDrained(): void {
    this.#deps.wires.upstreamFull = false;
    this.#deps.wires.updateFlow();
  }

  upstreamGoAway(lastStream: number, code: number, detail: Buffer): void {
    const { table, wires, lifetime } = this.#deps;
    const isFinal = lastStream < maxWindowBytes; // RFC 9113 §6.8: 2^31-1 only announces the one that counts
    if (isFinal) this.#goingAway = true;
    for (const [id, stream] of table.open.entries()) {
      if (!(stream instanceof RelayedStream) || id <= lastStream || (id & 1) === 0) continue;
      stream.call.fail("failed", "UC", "the upstream is going away");
      // Had the client only our GOAWAY to go by, it could not know that this one was never looked at.
      wires.aside(resetFrame(id, errorCodes.refusedStream));
      table.remember(id);
      table.finish(id, stream);
    }
    if (isFinal) lifetime.goAwaySent = true;
    lifetime.passGoAway(Math.max(lastStream, table.lastLocal), code, detail.toString("latin1"));
  }

  upstreamEnded(): void {
    const { wires, lifetime, up } = this.#deps;
    this.gone = true;
    lifetime.closeWhenDone();
    if (wires.closing || wires.gone) return;
    // Replies of ours keep the connection; what the upstream has not answered never will be.
    this.#failRelayed("UC", upstreamLeft, null);
    lifetime.goAway(errorCodes.none, upstreamLeft, null);
    up.endRequests();
    wires.flushSoon();
  }

  /** The pinned link is gone. One that was never open may be dialled again by a later call. */
  upstreamClosed(how: LinkEnd, detail: string): void {
    const { wires, table, connection, settings, lifetime, up } = this.#deps;
    if (wires.gone || wires.closing) return;
    const neverOpen = how === "refused" || how === "timeout";
    this.gone = !neverOpen;
    wires.upstreamFull = false;
    const flag = how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC";
    const text = detail === "" ? upstreamLeft : detail;
    const relayed = table.open.places.filter((stream) => stream?.kind === "relayed").length;
    const isAlone = relayed === table.open.size && table.lastLocal === 0;
    // Nothing but this upstream has spoken here: its end is the connection's end, as it came.
    if (isAlone && connection.mode === "transparent" && how !== "closed" && (relayed > 0 || !neverOpen)) {
      connection.socket.resetAndDestroy(); // first: the end of the last stream would end it by FIN
      return this.#failRelayed(flag, text, null);
    }
    settings.send();
    settings.linkCloses();
    this.#failRelayed(flag, text, neverOpen ? (how === "timeout" ? 504 : 502) : null);
    if (up.insideFrame) connection.socket.destroy();
    else lifetime.closeWhenDone();
    if (this.gone) lifetime.goAway(errorCodes.none, text, null);
    wires.flush();
    wires.updateFlow(); // what waited for the link's drain, which does not come any more
  }

  /** `status`: what a client that knows of us is told; null where the upstream had begun to answer. */
  #failRelayed(flag: Flag, detail: string, status: number | null): void {
    const { table, connection, wires } = this.#deps;
    const code = status === null ? errorCodes.internal : errorCodes.refusedStream;
    for (const [id, stream] of table.open.entries()) {
      if (!(stream instanceof RelayedStream)) continue;
      stream.call.fail("failed", flag, detail);
      if (status !== null && connection.mode !== "transparent")
        tellFailure(id, stream, status, detail, this.#deps);
      else wires.aside(resetFrame(id, code));
      table.remember(id);
      table.finish(id, stream);
    }
  }

  upstreamBroke(code: number, detail: string): void {
    const { client, up, wires, lifetime } = this.#deps;
    if (!client.insideFrame) {
      wires.toUpstream.flush();
      up.bidFarewell(code, detail);
    }
    lifetime.refuse(errorCodes.internal, `the upstream broke HTTP/2: ${detail}`, "UPE");
  }
}

/** How a call of gRPC ended, by the last block of its reply; null where that does not say. */
function statusOfGrpc({ fields }: HeaderBlock): number | null {
  for (const field of fields) if (field.name === "grpc-status") return Number(field.value);
  return null;
}
