// A connection that no rule concerns, relayed without being read. Should a rule come to concern it, it is too late to join:
// header tables have a memory. So the client is asked, by GOAWAY, to make its next calls on another connection, as servers do
// that go down (RFC 9113 §6.8); what it has begun goes on here. For that the borders between frames are followed.

import type { Socket } from "node:net";
import type { HostPort } from "../../../core/address.ts";
import type { Connection, Direction } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import type { Inlet } from "../../../core/inlet.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { FrameBorders } from "./frame-borders.ts";
import { errorCodes, goAwayFrame, maxWindowBytes } from "./frames.ts";

/** Rules that change are noticed within this. */
const lookMs = 250;
/** Disowns no stream: those that are on their way are served, too. */
const farewell = goAwayFrame(maxWindowBytes, errorCodes.none, "rules concern this connection now");

export class UnreadConnection implements Connection, Deadlined {
  readonly id: string;
  readonly direction: Direction;
  readonly originalDestination: HostPort | null;
  readonly mode: Connection["mode"];
  readonly scheme: "http" | "https";
  readonly socket: Socket;
  readonly inlet?: Inlet;
  readonly serverName: string;
  readonly dial: Dial;
  deadlineAt = 0;
  seat = -1;
  readonly #accepted: Connection;
  readonly #traffic: Traffic;
  readonly #borders = new FrameBorders();
  /** A rule concerns the connection, and the client has not been told yet. */
  #due = false;

  constructor(accepted: Connection, traffic: Traffic) {
    this.id = accepted.id;
    this.direction = accepted.direction;
    this.originalDestination = accepted.originalDestination;
    this.mode = accepted.mode;
    this.scheme = accepted.scheme ?? "http";
    this.socket = accepted.socket;
    if (accepted.inlet) this.inlet = accepted.inlet;
    this.serverName = accepted.serverName ?? "";
    this.#accepted = accepted;
    this.#traffic = traffic;
    const dial = accepted.dial ?? traffic.dial;
    this.dial = (upstream, events) => dial(upstream, this.#followed(events));
    this.deadlineAt = traffic.clock.now() + lookMs;
    traffic.deadlines.add(this);
    this.socket.once("close", () => traffic.deadlines.remove(this));
  }

  get downstream(): HostPort {
    return this.#accepted.downstream;
  }

  get signal(): AbortSignal {
    return this.#accepted.signal;
  }

  tunnelTo(destination: HostPort): Connection {
    return this.#accepted.tunnelTo(destination);
  }

  expire(): void {
    this.deadlineAt = this.#traffic.clock.now() + lookMs;
    if (!this.#traffic.mayClaim(this)) return;
    this.#traffic.deadlines.remove(this);
    this.#due = true;
    if (this.#borders.passed && this.#borders.atBorder) this.#tell();
  }

  #tell(): void {
    this.#due = false;
    if (this.socket.writable) this.socket.write(farewell);
  }

  /** The link's events, with GOAWAY put in at the first border where it is due. */
  #followed(events: LinkEvents): LinkEvents {
    return {
      data: (chunk) => {
        const border = this.#borders.feed(chunk);
        if (!this.#due || border < 0) return events.data(chunk);
        const isFree = events.data(chunk.subarray(0, border));
        this.#tell();
        return border === chunk.length ? isFree : events.data(chunk.subarray(border));
      },
      drain: () => events.drain(),
      end: () => events.end(),
      close: (how: LinkEnd, detail: string) => events.close(how, detail),
    };
  }
}
