// The pinned link: dialled for the first stream that is relayed, or adopted; read and written, paused, and told off where it
// breaks HTTP/2. What comes on it is read by UpstreamFrames.
//
//   none ──a stream is relayed, or the client waits for SETTINGS──► dialled ──SETTINGS──► open ──FIN, RST──► gone

import type { HostPort } from "../../../core/address.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { Farewell } from "./farewell.ts";
import { defaultWindowBytes, preface, windowUpdateFrame } from "./frames.ts";
import type { HeldFrames } from "./held-frames.ts";
import type { UpstreamEvents } from "./upstream-events.ts";
import { UpstreamFrames } from "./upstream-frames.ts";

export class UpstreamHalf implements LinkEvents {
  readonly held: HeldFrames;
  readonly #events: UpstreamEvents;
  readonly #traffic: Traffic;
  readonly #dial: Dial;
  readonly #frames: UpstreamFrames;
  #link: Link | null = null;
  #paused = false;
  #feeding = false;
  /** Set once the upstream has been told off; the link is its own. */
  #farewell: Farewell | null = null;

  constructor(events: UpstreamEvents, traffic: Traffic, dial: Dial) {
    this.#events = events;
    this.#traffic = traffic;
    this.#dial = dial;
    this.#frames = new UpstreamFrames(events, traffic.settings.limits);
    this.held = this.#frames.data.held;
  }

  get isDialled(): boolean {
    return this.#link !== null;
  }

  /** The upstream has sent its SETTINGS. */
  get isOpen(): boolean {
    return this.#frames.isOpen;
  }

  /** What is put in towards the client now would stand inside a frame of the upstream. */
  get insideFrame(): boolean {
    return this.#frames.insideFrame;
  }

  /** Bytes are being read: some may have passed that are not written yet. */
  get feeding(): boolean {
    return this.#feeding;
  }

  /** Octets of DATA that the upstream believes it may send. */
  get windowBytes(): number {
    return this.#frames.data.windowBytes;
  }

  /** The upstream is told that it may send so many more. */
  allow(bytes: number): void {
    this.#frames.data.windowBytes += bytes;
  }

  /** What the client's SETTINGS allow, from the upstream's ACK on. */
  allowTable(bytes: number): void {
    this.#frames.allowTable(bytes);
  }

  // ── the link ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `said`: SETTINGS of the client so far; `windowBytes`: what the client lets the connection send. */
  connect(upstream: HostPort, said: readonly Buffer[], windowBytes: number): void {
    if (this.#link) return;
    this.#frames.restart();
    const link = this.#dial(upstream, this);
    this.#link = link;
    this.#frames.data.windowBytes = Math.max(windowBytes, defaultWindowBytes);
    const parts = [preface, ...said];
    if (windowBytes > defaultWindowBytes) parts.push(windowUpdateFrame(0, windowBytes - defaultWindowBytes));
    link.write(Buffer.concat(parts));
  }

  /** Takes over a link on which the upstream has agreed to HTTP/2; the client's SETTINGS are to follow (RFC 7540 §3.2). */
  adopt(link: Link): void {
    this.#link = link;
    link.write(preface);
  }

  /** False: wait for `upstreamDrained`. */
  send(bytes: Buffer): boolean {
    return this.#link?.write(bytes) ?? true;
  }

  /** What was written has not left, and its memory is still in use. */
  get holdsBytes(): boolean {
    return this.#link?.holdsBytes ?? false;
  }

  endRequests(): void {
    this.#link?.end();
  }

  drop(reset: boolean): void {
    this.#frames.stop();
    this.#link?.destroy(reset);
    this.#link = null;
  }

  /** Nothing more goes there but GOAWAY, which must find no frame of the client half-way through. */
  bidFarewell(code: number, detail: string): void {
    const link = this.#link;
    this.#frames.stop();
    this.#link = null;
    if (link) this.#farewell = new Farewell(link, this.#traffic, code, detail);
  }

  pause(): void {
    this.#link?.pause();
    this.#paused = true;
  }

  resume(): void {
    if (this.held.isFull) return;
    this.#paused = false;
    this.#link?.resume();
  }

  /** The client has taken every byte of the link that was written to it. */
  released(): void {
    if (this.#farewell) this.#farewell.released();
    else this.#link?.released();
  }

  /** Sends on what waited, as far as the client's window reaches. */
  release(): void {
    if (this.held.isEmpty) return;
    this.#frames.data.release();
    if (this.#paused && this.#events.holdsNothing) this.resume();
  }

  // ── its events ───────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Buffer): boolean {
    if (this.#farewell) return this.#farewell.data(chunk);
    this.#events.arrived();
    this.#feeding = true;
    this.#frames.feed(chunk);
    this.#feeding = false;
    if (!this.insideFrame) this.#events.border();
    this.#events.settled();
    if (this.held.isFull) this.pause();
    return this.#events.holdsNothing;
  }

  drain(): void {
    if (!this.#farewell) this.#events.upstreamDrained();
  }

  end(): void {
    if (this.#farewell) return this.#farewell.end();
    this.held.cut();
    this.#events.upstreamEnded();
  }

  close(how: LinkEnd, detail: string): void {
    if (this.#farewell) return this.#farewell.close();
    this.#link = null;
    this.held.cut();
    this.#events.upstreamClosed(how, detail);
  }
}
