// The link for claimed calls that go on to the upstream: a client of our own, with stream ids, windows and header tables of
// its own. A call that a rule held up could not use the pinned link any more, where later streams have been opened
// meanwhile and ids must only grow (RFC 9113 §5.1.1).
//
//   exchange ─► RichCalls ─► link ─► upstream ─► link ─► RichFrames ─► RichCalls ─► reply

import type { HostPort } from "../../../core/address.ts";
import type { Exchange, Reply } from "../../../core/exchange.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { Budget } from "./budget.ts";
import { Farewell } from "./farewell.ts";
import {
  defaultFrameBytes,
  defaultWindowBytes,
  errorCodes,
  maxWindowBytes,
  preface,
  settingsAck,
  settingsFrame,
} from "./frames.ts";
import { Greeting } from "./greeting.ts";
import { PeerSettings } from "./peer-settings.ts";
import { errorFor, RichCalls, type RichCallsPort } from "./rich-calls.ts";
import { RichFrames } from "./rich-frames.ts";
import type { RichCallEvents } from "./rich-stream.ts";
import type { StreamRoom } from "./stream-room.ts";

/** SETTINGS_ENABLE_PUSH = 0: nobody here could use a push. */
const ownSettings: readonly (readonly [number, number])[] = [[2, 0]];

export class RichLink implements LinkEvents, RichCallsPort {
  readonly upstream: HostPort;
  readonly #traffic: Traffic;
  readonly #link: Link;
  readonly #calls = new RichCalls(this);
  readonly #frames: RichFrames;
  readonly #settings = new PeerSettings();
  readonly #greeting = new Greeting();
  /** Octets of DATA that the upstream takes. */
  #windowBytes = defaultWindowBytes;
  #full = false;
  #gone = false;
  #goingAway = false;
  /** Set once the upstream has been told off; the link is its own. */
  #farewell: Farewell | null = null;

  constructor(traffic: Traffic, upstream: HostPort, dial: Dial) {
    this.#traffic = traffic;
    this.upstream = upstream;
    this.#frames = new RichFrames({
      calls: this.#calls,
      limits: traffic.settings.limits,
      chatter: new Budget(10_000, 1_000, traffic.clock),
      write: (frames) => this.write(frames),
      settings: (bytes, from, to) => this.#takeSettings(bytes, from, to),
      windowGrows: (bytes) => this.#windowGrows(bytes),
      goesAway: (lastStream) => this.#goesAway(lastStream),
      broke: (code, detail) => this.#broke(code, detail),
    });
    this.#link = dial(upstream, this);
    this.write(Buffer.concat([preface, settingsFrame(ownSettings)]));
  }

  /** False: a further call needs another link. */
  get isUsable(): boolean {
    return !this.#gone && !this.#goingAway;
  }

  /** The upstream takes another stream now (RFC 9113 §5.1.2). */
  get hasRoom(): boolean {
    return this.#calls.open < this.#settings.maxStreams;
  }

  /** Who waits for the upstream to take another stream. */
  get places(): StreamRoom {
    return this.#calls.places;
  }

  /**
   * Whether the upstream takes extended CONNECT, as soon as it has said so or not (RFC 8441 §3). Rejects as `relay` does,
   * and with the signal's reason.
   */
  async takesConnectProtocol(signal: AbortSignal): Promise<boolean> {
    await this.#greeting.wait(signal);
    return this.#settings.takesConnectProtocol;
  }

  /** Sends the exchange; rejects with connect_failed, connect_timeout or body_cut. */
  relay(exchange: Exchange, connectProtocol: string | null, events: RichCallEvents): Promise<Reply> {
    return this.#calls.ask(exchange, connectProtocol, this.#settings.windowBytes, events).reply;
  }

  /** For a reply that is complete: resolves when the rest of its request is out, or given up. */
  whenSent(reply: Promise<Reply> | null): Promise<void> {
    return this.#calls.whenSent(reply);
  }

  /** The client has left; `reply`, or what is still to come of it, rejects. */
  clientLeft(reply: Promise<Reply> | null): void {
    this.#calls.clientLeft(reply);
  }

  /** The call is over, however far it came. */
  abandon(reply: Promise<Reply> | null): void {
    this.#calls.abandon(reply);
    if (this.#goingAway && this.#calls.open === 0) this.destroy();
  }

  destroy(): void {
    if (this.#gone) return;
    this.#frames.stop();
    this.#link.destroy(false);
    this.#end(null, "the connection is over");
  }

  /** `flag` null: we have ended it. */
  #end(flag: Flag | null, detail: string): void {
    this.#gone = true;
    this.#greeting.fails(errorFor(flag ?? "UC", detail));
    this.#calls.endAll(flag, detail);
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  get room(): number {
    return this.#full ? 0 : this.#windowBytes;
  }

  get frameBytes(): number {
    return Math.min(this.#settings.frameBytes, defaultFrameBytes);
  }

  send(bytes: Buffer, dataBytes: number): void {
    this.#windowBytes -= dataBytes;
    this.write(bytes);
  }

  write(frames: Buffer): void {
    if (!this.#gone && !this.#link.write(frames)) this.#full = true;
  }

  // ── what the upstream says of the connection ─────────────────────────────────────────────────────────────────────

  #takeSettings(bytes: Buffer, from: number, to: number): void {
    const before = this.#settings.windowBytes;
    const flaw = this.#settings.take(bytes, from, to);
    if (this.#settings.saysPush) return this.#broke(errorCodes.protocol, "SETTINGS_ENABLE_PUSH of a server");
    if (flaw) return this.#broke(flaw.code, flaw.reason);
    if (!this.#calls.resizeWindows(this.#settings.windowBytes - before))
      return this.#broke(errorCodes.flowControl, "SETTINGS make a window larger than 2^31-1");
    this.#calls.allowTable(this.#settings.tableBytes);
    this.write(settingsAck);
    this.places.wakeAll();
    this.#greeting.came();
    this.#calls.queue.pump();
  }

  #windowGrows(bytes: number): boolean {
    this.#windowBytes += bytes;
    return this.#windowBytes <= maxWindowBytes;
  }

  #goesAway(lastStream: number): void {
    this.#goingAway = true;
    this.#calls.disown(lastStream);
    this.places.wakeAll();
  }

  #broke(code: number, detail: string): void {
    this.#frames.stop();
    this.#farewell = new Farewell(this.#link, this.#traffic, code, detail);
    this.#end("UPE", `the upstream broke HTTP/2: ${detail}`);
  }

  // ── link events ──────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Buffer): boolean {
    if (this.#farewell) return this.#farewell.data(chunk);
    this.#frames.feed(chunk);
    return true;
  }

  drain(): void {
    this.#full = false;
    this.#calls.queue.pump();
  }

  end(): void {
    if (this.#farewell) return this.#farewell.end();
    this.#end("UC", "the upstream ended the connection");
    this.#link.destroy(false);
  }

  close(how: LinkEnd, detail: string): void {
    if (this.#farewell) return this.#farewell.close();
    const flag = how === "refused" ? "UF" : how === "timeout" ? "UT" : "UC";
    this.#end(flag, detail === "" ? "the upstream ended the connection" : detail);
  }
}
