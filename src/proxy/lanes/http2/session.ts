// One HTTP/2 connection: its parts, put together, and the events of the client's socket. Each part names what it needs of
// the others in an interface of its own, which the session fulfils.
//
//   socket ─► ClientHalf ─► FromClient ─┬─► LocalCalls ─► rich road, fixed replies
//                                       └─► wires ─► UpstreamHalf (the pinned link) ─► FromUpstream ─► wires ─► socket
//
// StreamTable, SettingsExchange, ConnectionWindows and Lifetime hold what both directions share.

import type { Connection } from "../../../core/connection.ts";
import type { Session, Traffic } from "../../../core/lane.ts";
import type { Link } from "../../../core/link.ts";
import type { Http2Call } from "./call.ts";
import { ClientHalf } from "./client-half.ts";
import { ConnectionWindows } from "./connection-windows.ts";
import type { FixedReplies } from "./fixed-replies.ts";
import { FromClient } from "./from-client.ts";
import { FromUpstream } from "./from-upstream.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { Lifetime } from "./lifetime.ts";
import { LocalCalls } from "./local-calls.ts";
import { ReadTime } from "./read-time.ts";
import type { Http2Head } from "./request-head.ts";
import { SendQueue } from "./send-queue.ts";
import { SettingsExchange } from "./settings-exchange.ts";
import { RelayedStream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { UpstreamHalf } from "./upstream-half.ts";
import { Wires } from "./wires.ts";

/** A request that came before the connection spoke HTTP/2. */
export interface AskedStream {
  readonly head: Http2Head;
  readonly call: Http2Call;
  /** The client's first SETTINGS, which came with it: their payload, without a flaw. */
  readonly settings: Buffer;
}

export class Http2Session implements Session {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly fixed: FixedReplies;
  readonly encoder = new HpackEncoder();
  readonly time: ReadTime;
  readonly fromClient: FromClient;
  readonly fromUpstream: FromUpstream;
  readonly client: ClientHalf;
  readonly up: UpstreamHalf;
  readonly table: StreamTable;
  readonly wires: Wires;
  readonly settings: SettingsExchange;
  readonly windows: ConnectionWindows;
  readonly queue: SendQueue;
  readonly local: LocalCalls;
  readonly lifetime: Lifetime;

  /** `fixed`: shared by all connections. */
  constructor(connection: Connection, traffic: Traffic, fixed: FixedReplies) {
    this.connection = connection;
    this.traffic = traffic;
    this.fixed = fixed;
    this.time = new ReadTime(traffic.clock);
    this.fromClient = new FromClient(this);
    this.fromUpstream = new FromUpstream(this);
    this.client = new ClientHalf(this.fromClient, traffic.settings.limits, traffic.clock);
    this.up = new UpstreamHalf(this.fromUpstream, traffic, connection.dial ?? traffic.dial);
    this.table = new StreamTable(this);
    this.wires = new Wires(this);
    this.settings = new SettingsExchange(this);
    this.windows = new ConnectionWindows(this);
    this.queue = new SendQueue(this.windows);
    this.local = new LocalCalls(this);
    this.lifetime = new Lifetime(this);
  }

  /** `first`: bytes that were read to detect the protocol. */
  start(first: Buffer | null): void {
    const { socket, inlet } = this.connection;
    this.traffic.deadlines.add(this.lifetime);
    if (!inlet) socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.lifetime.clientEnded());
    socket.on("error", () => undefined); // close follows
    socket.on("close", () => this.lifetime.clientClosed());
    if (first) this.#read(first);
    // What is kept of a chunk is copied, but for what waits in the pinned link.
    inlet?.direct((chunk) => {
      this.#read(chunk);
      return !this.up.holdsBytes;
    });
    if (socket.readableEnded) this.lifetime.clientEnded();
    if (socket.destroyed) this.lifetime.clientClosed();
    else this.wires.updateFlow();
  }

  /** Goes on where HTTP/1 has ended: stream 1 has been asked on `link`, which is paused, and waits for its response. */
  startUpgraded(link: Link, asked: AskedStream, first: Buffer | null): void {
    const stream = new RelayedStream(asked.call, asked.head);
    stream.requestDone = true;
    this.table.open.set(1, stream);
    this.table.lastRelayed = 1;
    this.client.hasAsked(1);
    this.settings.upgraded(asked.settings);
    this.up.adopt(link);
    this.start(first);
  }

  drain(): void {
    this.lifetime.drain();
  }

  #read(chunk: Buffer): void {
    const { wires, client, lifetime, time } = this;
    if (wires.gone || wires.closing) return;
    const now = time.begin();
    wires.feeding = true;
    client.feed(chunk);
    if (!client.insideFrame) wires.toUpstream.border();
    wires.feeding = false;
    this.windows.settleCredit();
    lifetime.heard(now);
    wires.flush();
    lifetime.setDeadline(now);
    time.end();
    wires.updateFlow();
  }

  #drained(): void {
    const { wires, up } = this;
    wires.clientFull = false;
    up.release();
    if (!wires.clientFull) up.resume();
    this.queue.pump();
    wires.flush();
  }
}
