// An HTTP/1 session between two ends in memory, so that a test decides which bytes arrive together. The fake socket and
// link do what the session relies on, and no more; the lanes meet real sockets in other tests.

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { HostPort } from "../../src/core/address.ts";
import type { Connection } from "../../src/core/connection.ts";
import type { Claim, Traffic, Undecided } from "../../src/core/lane.ts";
import type { Link, LinkEvents } from "../../src/core/link.ts";
import { defaultSettings, type Limits } from "../../src/core/settings.ts";
import type { TapEvent } from "../../src/core/tap.ts";
import { createFixedReplies } from "../../src/proxy/lanes/http1/fixed-replies.ts";
import { ParserPool } from "../../src/proxy/lanes/http1/parsers.ts";
import { Http1Session } from "../../src/proxy/lanes/http1/session.ts";
import { manualClock } from "./manual-clock.ts";

/** How a side of the wire has ended. */
export type WireEnd = "open" | "fin" | "rst";

class FakeSocket extends EventEmitter {
  sent = "";
  ended: WireEnd = "open";
  destroyed = false;
  readableEnded = false;
  readableFlowing: boolean | null = null;
  writableLength = 0;
  full = false;

  write(bytes: Uint8Array | string): boolean {
    this.sent += typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1");
    if (this.full) this.writableLength += bytes.length;
    return !this.full;
  }

  destroySoon(): void {
    this.end();
  }

  end(): void {
    if (this.ended === "open") this.ended = "fin";
  }

  destroy(): void {
    if (this.ended === "open") this.ended = "fin";
    this.destroyed = true;
  }

  resetAndDestroy(): void {
    this.ended = "rst";
    this.destroyed = true;
  }

  pause(): void {
    this.readableFlowing = false;
  }

  resume(): void {
    this.readableFlowing = true;
  }

  isPaused(): boolean {
    return this.readableFlowing === false;
  }
}

export interface Wire {
  /** What the upstream got; over all links in order. */
  readonly toUpstream: string;
  /** What the downstream got. */
  readonly toDownstream: string;
  readonly downstreamEnd: WireEnd;
  readonly upstreamEnd: WireEnd;
  readonly links: number;
  readonly events: readonly TapEvent[];
  fromDownstream(bytes: Buffer | string): void;
  fromUpstream(bytes: Buffer | string): void;
  /** From now on the downstream reads nothing, or has read everything. */
  setDownstreamFull(full: boolean): void;
  setUpstreamFull(full: boolean): void;
  /** The session has stopped reading from that side. */
  readonly downstreamPaused: boolean;
  readonly upstreamPaused: boolean;
  downstreamFin(): void;
  upstreamFin(): void;
}

export interface WireOptions {
  readonly mode?: Connection["mode"];
  readonly limits?: Partial<Limits>;
  readonly decide?: (method: string, path: string) => Claim | Undecided | null;
  /** For requests that ask for a WebSocket. */
  readonly decideMessages?: Traffic["decideMessages"];
}

export function openWire(options: WireOptions = {}): Wire {
  const socket = new FakeSocket();
  const events: TapEvent[] = [];
  const state = {
    toUpstream: "",
    upstreamEnd: "open" as WireEnd,
    links: 0,
    link: null as LinkEvents | null,
    full: false,
    paused: false,
  };
  const upstream: HostPort = { host: "192.0.2.1", port: 80 };
  const dial = (place: HostPort, linkEvents: LinkEvents): Link => {
    state.links++;
    state.link = linkEvents;
    state.upstreamEnd = "open";
    return {
      upstream: place,
      write: (chunk) => {
        state.toUpstream += Buffer.from(chunk).toString("latin1");
        return !state.full;
      },
      holdsBytes: false,
      end: () => {
        state.upstreamEnd = "fin";
      },
      pause: () => {
        state.paused = true;
      },
      resume: () => {
        state.paused = false;
      },
      released: () => undefined,
      destroy: (reset) => {
        if (state.link === linkEvents) state.link = null;
        if (state.upstreamEnd === "open") state.upstreamEnd = reset ? "rst" : "fin";
      },
    };
  };
  const traffic: Traffic = {
    settings: { ...defaultSettings, limits: { ...defaultSettings.limits, ...options.limits } },
    clock: manualClock(),
    deadlines: { add: () => undefined, remove: () => undefined },
    tap: { observe: (event) => void events.push(event) },
    dial,
    isDraining: () => false,
    mayClaim: () => true,
    decide: (head) => options.decide?.(head.method, head.path) ?? null,
    decideMessages: options.decideMessages ?? (() => null),
    mayAnswerWebSockets: () => false,
    decideConnection: () => null,
    answersHost: () => false,
    concernsTls: () => false,
    route: () => undefined,
    destinationOf: (authority) => ({ host: authority, port: 80 }),
  };
  const mode = options.mode ?? "transparent";
  const connection: Connection = {
    id: "1",
    direction: "outbound",
    downstream: { host: "192.0.2.2", port: 1 },
    originalDestination: mode === "proxy" ? null : upstream,
    // The session uses only what FakeSocket has; a real Socket cannot be made without a descriptor.
    socket: socket as unknown as Socket,
    mode,
    signal: new AbortController().signal,
    tunnelTo: () => connection,
  };
  new Http1Session(connection, traffic, createFixedReplies(), new ParserPool(traffic.settings.limits)).start(
    null,
  );
  return {
    get toUpstream() {
      return state.toUpstream;
    },
    get toDownstream() {
      return socket.sent;
    },
    get downstreamEnd() {
      return socket.ended;
    },
    get upstreamEnd() {
      return state.upstreamEnd;
    },
    get links() {
      return state.links;
    },
    events,
    fromDownstream: (bytes) => void socket.emit("data", own(bytes)),
    fromUpstream(bytes) {
      // The link's buffer is used again: a session that keeps a slice of it is found out.
      const borrowed = own(bytes);
      state.link?.data(borrowed);
      borrowed.fill(0x21);
    },
    setDownstreamFull(full) {
      socket.full = full;
      if (full) return;
      socket.writableLength = 0;
      socket.emit("drain");
    },
    setUpstreamFull(full) {
      state.full = full;
      if (!full) state.link?.drain();
    },
    get downstreamPaused() {
      return socket.isPaused();
    },
    get upstreamPaused() {
      return state.paused;
    },
    downstreamFin() {
      socket.readableEnded = true;
      socket.emit("end");
    },
    upstreamFin: () => state.link?.end(),
  };
}

function own(bytes: Buffer | string): Buffer {
  return typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes);
}
