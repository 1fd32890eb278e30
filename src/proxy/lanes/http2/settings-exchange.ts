// SETTINGS between the three of us (RFC 9113 §6.5): those of the client and of the upstream pass through, ours are sent where
// the upstream's come too late, and each ACK goes to whom it answers. A header table's new size holds from its ACK on.
// Where a rule could answer a WebSocket, clients hear that they may ask for one (RFC 8441), whatever the upstream says.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { ClientHalf } from "./client-half.ts";
import { ClientTable } from "./client-table.ts";
import { ConnectOffer } from "./connect-offer.ts";
import { errorCodes, flags, frame, frameTypes, maxWindowBytes, settingsAck } from "./frames.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import { OwedAcks } from "./owed-acks.ts";
import { ownSettings, PeerSettings, withConnectProtocol } from "./peer-settings.ts";
import type { SendQueue } from "./send-queue.ts";
import { type Http2Stream, LocalStream, type StreamWindows } from "./stream.ts";
import type { StreamMap } from "./stream-map.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

type Verdict = "pass" | "take";

export interface SettingsExchangeDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly client: ClientHalf;
  readonly up: UpstreamHalf;
  readonly wires: Wires;
  readonly table: { readonly open: StreamMap<Http2Stream> };
  readonly queue: SendQueue;
  /** Writes the requests that are relayed. */
  readonly encoder: HpackEncoder;
  readonly lifetime: { refuse(code: number, reason: string): void };
  readonly fromUpstream: { upstreamBroke(code: number, detail: string): void };
}

export class SettingsExchange {
  readonly client = new PeerSettings();
  readonly server = new PeerSettings();
  /** The client has SETTINGS of somebody: frames may follow (RFC 9113 §3.4). */
  sent = false;
  readonly #offer: ConnectOffer;
  readonly #deps: SettingsExchangeDeps;
  readonly #acksFromClient = new OwedAcks();
  #acksFromUpstream = new OwedAcks();
  /** So many ACKs of ours wait, because SETTINGS come first (RFC 9113 §3.4). */
  #acksDue = 0;
  readonly #table = new ClientTable();

  constructor(deps: SettingsExchangeDeps) {
    this.#deps = deps;
    this.#offer = new ConnectOffer(deps.connection, deps.traffic, () => this.#offerLate());
  }

  // ── the client's ─────────────────────────────────────────────────────────────────────────────────────────────────

  fromClient(bytes: Buffer, from: number, to: number): Verdict {
    const { up, queue } = this.#deps;
    const before = this.client.windowBytes;
    const flaw = this.client.take(bytes, from, to);
    if (flaw) {
      this.#deps.lifetime.refuse(flaw.code, flaw.reason);
      return "take";
    }
    this.#resizeWindows(this.client.windowBytes - before);
    if (this.#table.isFull) {
      this.#deps.lifetime.refuse(errorCodes.enhanceYourCalm, "too many SETTINGS that nobody acknowledges");
      return "take";
    }
    this.#table.asked(this.client.tableBytes);
    if (up.isDialled) this.#acksFromUpstream.sent("client", this.client);
    else {
      // Nobody is there who could acknowledge them; an upstream that comes later gets them first of all.
      up.allowTable(this.client.tableBytes);
      this.#acknowledge();
    }
    queue.pump();
    return up.isDialled ? "pass" : "take";
  }

  /** RFC 9113 §6.9.2 */
  #resizeWindows(change: number): void {
    if (change === 0) return;
    for (const stream of this.#deps.table.open.places) {
      if (!(stream instanceof LocalStream)) continue;
      stream.out.windowBytes += change;
      if (stream.out.windowBytes > maxWindowBytes)
        this.#deps.lifetime.refuse(errorCodes.flowControl, "SETTINGS make a window larger than 2^31-1");
    }
  }

  /** The client's first SETTINGS came with a request to upgrade, and count as acknowledged (RFC 7540 §3.2.1). */
  upgraded(payload: Buffer): void {
    this.client.take(payload, 0, payload.length);
    const { tableBytes } = this.client;
    this.#table.asked(tableBytes);
    this.#table.acknowledged(false);
    this.#deps.up.allowTable(tableBytes);
  }

  ackFromClient(): Verdict {
    const answered = this.#acksFromClient.came();
    if (answered?.from !== "upstream") return "take";
    const { client, encoder } = this.#deps;
    client.decoder.allowTable(answered.tableBytes);
    // Not before: a smaller table is due in the first block behind the ACK, whatever blocks have said before it.
    encoder.allowTable(answered.tableBytes);
    return "pass";
  }

  // ── the upstream's ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The client's SETTINGS, which go out first of all on a new pinned link. */
  linkOpens(): readonly Buffer[] {
    this.#acksFromUpstream = new OwedAcks();
    const frames = this.client.forNewPeer;
    for (const _ of frames) this.#acksFromUpstream.sent("us", this.client);
    return frames;
  }

  /** A Buffer: the frame that goes on instead. */
  fromUpstream(bytes: Buffer, from: number, to: number): Verdict | Buffer {
    const before = this.server.windowBytes;
    let flaw = this.server.take(bytes, from, to);
    if (this.server.saysPush)
      flaw = { code: errorCodes.protocol, reason: "SETTINGS_ENABLE_PUSH of a server" };
    if (flaw) {
      this.#deps.fromUpstream.upstreamBroke(flaw.code, flaw.reason);
      return "take";
    }
    if (this.#acksFromClient.isFull) {
      this.#deps.fromUpstream.upstreamBroke(errorCodes.enhanceYourCalm, "too many SETTINGS");
      return "take";
    }
    this.#acksFromClient.sent("upstream", this.server);
    this.#resizeUploads(before);
    this.sent = true;
    const offering = this.#offer.joins() ? withConnectProtocol(bytes, from, to) : null;
    if (this.#acksDue === 0) return offering ?? "pass";
    // Before any ACK of the upstream, which answers later SETTINGS.
    return Buffer.concat([
      offering ?? frame(frameTypes.settings, 0, 0, bytes.subarray(from, to)),
      ...this.#lateAcks(),
    ]);
  }

  ackFromUpstream(): Verdict {
    const answered = this.#acksFromUpstream.came();
    if (answered?.from !== "client") return "take";
    const { up } = this.#deps;
    this.#table.acknowledged(!up.held.isEmpty);
    up.allowTable(answered.tableBytes);
    return "pass";
  }

  /** A frame that was held has gone to the client. */
  heldPassed(type: number, flagBits: number): void {
    const isAck = type === frameTypes.settings && (flagBits & flags.ack) !== 0;
    if (isAck || type === frameTypes.headers || type === frameTypes.pushPromise) this.#table.heldPassed();
  }

  /** The pinned link is gone: what the upstream has not acknowledged never will be. */
  linkCloses(): void {
    for (const { tableBytes } of this.#acksFromUpstream.drop("client")) {
      this.#deps.up.allowTable(tableBytes);
      this.#acknowledge();
    }
  }

  #resizeUploads(before: number): void {
    const { windowBytes } = this.server;
    if (windowBytes === before) return;
    for (const stream of this.#deps.table.open.places)
      if (stream instanceof LocalStream) stream.resizeWindow(before, windowBytes);
  }

  // ── what may come ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The largest frame that the client may send. */
  get framesOfClient(): number {
    return this.#acksFromClient.frameBytes;
  }

  /** The largest frame that the upstream may send. */
  get framesOfUpstream(): number {
    return this.#acksFromUpstream.frameBytes;
  }

  /** The windows of a new stream that is answered here. */
  get windows(): StreamWindows {
    const { windowBytes: receive } = this.#acksFromClient;
    return { send: this.client.windowBytes, receive, leastReceive: this.server.windowBytes };
  }

  // ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An extended CONNECT that no rule claims came on our word alone: the upstream has not said that it takes any. */
  get mustRefuseConnect(): boolean {
    return this.#offer.isMade && !this.server.takesConnectProtocol;
  }

  /** SETTINGS may be sent at any time (RFC 9113 §6.5). */
  #offerLate(): void {
    if (!this.server.takesConnectProtocol) this.#sendOwn(true);
  }

  /** The client is gone. */
  stop(): void {
    this.#offer.stop();
  }

  /** Where the client has none yet. But for the offer they mean the defaults, which hold until the upstream's come anyway. */
  send(): void {
    if (this.sent) return;
    this.sent = true;
    this.#sendOwn(this.#offer.joins());
    for (const ack of this.#lateAcks()) this.#deps.wires.aside(ack);
  }

  #sendOwn(offers: boolean): void {
    this.#acksFromClient.sent("us", this.server);
    this.#deps.wires.aside(ownSettings(offers));
  }

  /** To the client, in the place of an upstream. */
  #acknowledge(): void {
    const { up, wires } = this.#deps;
    const isHeld = !up.held.isEmpty;
    this.#table.acknowledged(isHeld);
    // What is held was written by the settings of before.
    if (isHeld) up.held.add(0, settingsAck, true);
    else if (this.sent) wires.aside(settingsAck);
    else this.#acksDue++;
  }

  #lateAcks(): readonly Buffer[] {
    const acks = new Array<Buffer>(this.#acksDue).fill(settingsAck);
    this.#acksDue = 0;
    return acks;
  }

  /** PING of the client: the upstream answers it, where it is there, and has to do with it. */
  ping(payload: Buffer, isAck: boolean, isOurs: boolean): Verdict {
    const { up, wires } = this.#deps;
    if (!isOurs && up.isDialled && (isAck || up.isOpen)) return "pass";
    if (isAck) return "take";
    this.send();
    wires.aside(frame(frameTypes.ping, flags.ack, 0, payload));
    return "take";
  }

  // ── the table of the client's decoder ────────────────────────────────────────────────────────────────────────────

  /** A header block of the upstream goes to the client, behind what is held; -1: it says no size. */
  tableSaid(bytes: number): void {
    this.#table.said(bytes, !this.#deps.up.held.isEmpty);
  }

  /** What must stand at the beginning of our next block; empty where nothing. */
  takeTableDue(): Buffer {
    return this.#table.takeDue();
  }
}
