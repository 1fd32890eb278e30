// What becomes of what the client sends: requests are decided, bodies are accounted for, and the rest goes where it belongs.
//
//             ┌──nobody claims──► pinned link, same stream id; DATA and all else as the bytes that came
//   HEADERS ──┼──a fixed mock───► HEADERS and DATA at once
//             └──claimed────────► rich road ──relay──► rich link, ids of its own
//
// An extended CONNECT that the client sends on our word alone takes the rich road too: there it waits for the upstream's.

import type { Connection } from "../../../core/connection.ts";
import { http2CodeText } from "../../../core/http2-codes.ts";
import type { Claim, Traffic, Undecided } from "../../../core/lane.ts";
import { namesOpaqueHost } from "../http1/opaque-host.ts";
import { claimUpgrade } from "../websocket/upgrade.ts";
import { Http2Call } from "./call.ts";
import type { ClientEvents } from "./client-events.ts";
import type { ClientHalf } from "./client-half.ts";
import type { ConnectionWindows } from "./connection-windows.ts";
import { errorCodes, flags, maxWindowBytes } from "./frames.ts";
import type { FromUpstream } from "./from-upstream.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";
import type { Lifetime } from "./lifetime.ts";
import type { LocalCalls } from "./local-calls.ts";
import type { ReadTime } from "./read-time.ts";
import { flawOfTrailers, Http2Head, readRequestHead } from "./request-head.ts";
import type { SendQueue } from "./send-queue.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import { type Http2Stream, LocalStream, RelayedStream } from "./stream.ts";
import type { StreamMap } from "./stream-map.ts";
import type { StreamTable } from "./stream-table.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

type Verdict = "pass" | "take";

const noBytes = new Uint8Array(0);

export interface FromClientDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly time: ReadTime;
  readonly client: ClientHalf;
  readonly up: UpstreamHalf;
  readonly fromUpstream: FromUpstream;
  readonly encoder: HpackEncoder;
  readonly wires: Wires;
  readonly windows: ConnectionWindows;
  readonly settings: SettingsExchange;
  readonly table: StreamTable;
  readonly queue: SendQueue;
  readonly local: LocalCalls;
  readonly lifetime: Lifetime;
}

export class FromClient implements ClientEvents {
  readonly #deps: FromClientDeps;
  #lastFields: HeaderBlock["fields"] | null = null;
  #lastHead: Http2Head | null = null;

  constructor(deps: FromClientDeps) {
    this.#deps = deps;
  }

  get streams(): StreamMap<Http2Stream> {
    return this.#deps.table.open;
  }

  get serverFrameBytes(): number {
    return this.#deps.settings.framesOfClient;
  }

  get hasUpstream(): boolean {
    return this.#deps.up.isDialled;
  }

  toUpstream(bytes: Buffer, from: number, to: number): void {
    this.#deps.wires.toUpstream.pass(bytes, from, to);
  }

  get uploadWaits(): boolean {
    return this.#deps.wires.toUpstream.waits;
  }

  uploadBorder(): void {
    this.#deps.wires.toUpstream.border();
  }

  // ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

  requestBlock(id: number, endStream: boolean, block: HeaderBlock, priority: Buffer): void {
    const { table, lifetime, traffic, connection, local, settings, time } = this.#deps;
    const stream = table.open.get(id);
    if (stream) return this.#trailers(id, stream, endStream, block);
    if (lifetime.goAwaySent || table.isFull) return table.refuse(id, errorCodes.refusedStream);
    const head = this.#readHead(block);
    if (typeof head === "string") return this.#malformed(id, block, head);
    const call = new Http2Call(connection, head, traffic, time.now());
    call.requestBytes = block.listBytes;
    if (block.tooLarge) return local.refuseHead(id, head, call, endStream);
    if (endStream && head.contentLength !== null && head.contentLength > 0)
      return this.#malformed(id, block, "content-length without a body");
    const isTunnel = head.method === "CONNECT" && head.connectProtocol === null;
    const { opaqueHosts } = traffic.settings;
    const isOpaque = isTunnel || namesOpaqueHost(opaqueHosts, connection.originalDestination, head.authority);
    const verdict = isOpaque ? null : traffic.decide(head, connection);
    const decided = endStream && verdict?.kind === "undecided" ? withoutBody(verdict) : verdict;
    const upgrade =
      isOpaque || head.connectProtocol === null ? null : claimUpgrade(head, connection, traffic);
    const isOnOurWord = head.connectProtocol !== null && settings.mustRefuseConnect;
    if (decided === null && upgrade === null && !isOnOurWord)
      this.#relay(id, endStream, block, priority, head, call);
    else local.take(id, endStream, decided, head, call, upgrade);
  }

  /** Fields that were read last are not read again: nobody changes a head. */
  #readHead(block: HeaderBlock): Http2Head | string {
    if (this.#lastHead && this.#lastFields === block.fields) return this.#lastHead;
    const head = readRequestHead(block);
    this.#lastFields = block.fields;
    this.#lastHead = typeof head === "string" ? null : head;
    return head;
  }

  #relay(
    id: number,
    endStream: boolean,
    block: HeaderBlock,
    priority: Buffer,
    head: Http2Head,
    call: Http2Call,
  ): void {
    const { fromUpstream, table, traffic, wires, encoder } = this.#deps;
    if (fromUpstream.refusesStreams) {
      call.fail("failed", "UC", "the upstream is going away");
      call.finish(traffic);
      return table.refuse(id, errorCodes.refusedStream);
    }
    fromUpstream.connect();
    const stream = new RelayedStream(call, head);
    stream.requestDone = endStream;
    table.open.set(id, stream);
    table.lastRelayed = id;
    const bits = (endStream ? flags.endStream : 0) | (priority.length > 0 ? flags.priority : 0);
    wires.toUpstream.addBlock(id, bits, encoder.encode(block), priority);
  }

  #trailers(id: number, stream: Http2Stream, endStream: boolean, block: HeaderBlock): void {
    const { wires, encoder, local, table } = this.#deps;
    if (stream.requestDone)
      return this.refuse(errorCodes.streamClosed, `HEADERS behind the end of stream ${id}`);
    const flaw = this.#flawOfTrailers(stream, endStream, block);
    if (flaw !== null) return this.resetStream(id, errorCodes.protocol, flaw);
    stream.call.requestBytes += block.listBytes;
    if (stream instanceof RelayedStream)
      wires.toUpstream.addBlock(id, flags.endStream, encoder.encode(block));
    else
      local.endRequest(
        stream,
        block.fields.map(({ name, value }) => [name, value] as const),
      );
    stream.requestDone = true;
    table.closeIfDone(id, stream);
  }

  #flawOfTrailers(stream: Http2Stream, endStream: boolean, block: HeaderBlock): string | null {
    if (!endStream) return "a second header block does not end the stream";
    if ((stream.bodyLeft ?? 0) > 0) return "the body is not content-length long";
    return flawOfTrailers(block) ?? (block.tooLarge ? "trailers are too large" : null);
  }

  #malformed(id: number, block: HeaderBlock, reason: string): void {
    const { connection, traffic, table } = this.#deps;
    const call = new Http2Call(connection, new Http2Head(block.fields, 0), traffic, traffic.clock.now());
    call.fail("refused", "DPE", reason);
    call.finish(traffic);
    table.refuse(id, errorCodes.protocol);
  }

  // ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────

  spendUpload(bytes: number): boolean {
    return this.#deps.windows.spendUpload(bytes);
  }

  creditConnection(bytes: number): void {
    this.#deps.windows.credit(bytes);
  }

  localData(stream: LocalStream): void {
    stream.settle(false);
  }

  requestEnded(id: number, stream: Http2Stream): void {
    if (stream instanceof LocalStream) this.#deps.local.endRequest(stream, []);
    stream.requestDone = true;
    this.#deps.table.closeIfDone(id, stream);
  }

  resetStream(id: number, code: number, why: string): void {
    const stream = this.#deps.table.open.get(id);
    if (!stream) return;
    stream.call.fail("refused", "DPE", why);
    this.#deps.table.reset(id, stream, code);
  }

  clientReset(id: number, stream: Http2Stream, code: number): void {
    const { table } = this.#deps;
    if (!stream.responseDone)
      stream.call.fail("failed", "DC", `the client reset the stream with ${http2CodeText(code)}`);
    if (stream instanceof LocalStream) table.remember(id);
    table.finish(id, stream);
    table.giveUp(stream);
  }

  wasLocal(id: number): boolean {
    return this.#deps.table.wasLocal(id);
  }

  // ── the connection ───────────────────────────────────────────────────────────────────────────────────────────────

  clientSettings(bytes: Buffer, from: number, to: number): Verdict {
    return this.#deps.settings.fromClient(bytes, from, to);
  }

  clientSettingsAck(): Verdict {
    return this.#deps.settings.ackFromClient();
  }

  ping(isAck: boolean, payload: Buffer): Verdict {
    const { settings, table, windows } = this.#deps;
    if (isAck) return settings.ping(payload, true, false);
    const probesOurs = windows.probed();
    return settings.ping(payload, false, probesOurs || table.isOurs);
  }

  connectionWindow(bytes: number): void {
    this.#deps.windows.grow(bytes);
  }

  streamWindow(stream: LocalStream, bytes: number): void {
    stream.out.windowBytes += bytes;
    if (stream.out.windowBytes > maxWindowBytes)
      return this.resetStream(stream.id, errorCodes.flowControl, "a window larger than 2^31-1");
    this.#deps.queue.pump();
  }

  refuse(code: number, reason: string): void {
    this.#deps.lifetime.refuse(code, reason);
  }
}

/** The verdict on a request that has no body; itself, where a rule must learn something first. */
function withoutBody(verdict: Undecided): Claim | Undecided | null {
  return verdict.lacks(noBytes) === null ? verdict.decide(noBytes) : verdict;
}
