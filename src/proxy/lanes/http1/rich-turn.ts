// A claimed call's turn on its connection, as the session sees it: the request body on its way to the rich road, and the
// 100 Continue that asks the client for it. The session feeds it, lets it run once no earlier response is due, and decides
// what becomes of the connection behind it.

import type { Connection } from "../../../core/connection.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { Claim, Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { BodyWalk } from "./body-walk.ts";
import type { Call } from "./call.ts";
import type { DrainWaiters } from "./drain-waiters.ts";
import { continueHead } from "./encode.ts";
import type { RequestScanner } from "./request-scanner.ts";
import { type AfterCall, serveRich } from "./rich-road.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

/** What the session lends a turn, and hears from it. */
export interface TurnDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly half: UpstreamHalf;
  /** Holds the head of the request until the turn is over. */
  readonly scanner: RequestScanner;
  readonly walk: BodyWalk;
  /** Woken when the downstream can take more, and when the connection has ended. */
  readonly downstreamDrain: DrainWaiters;
  /** The same of the link. */
  readonly linkDrain: DrainWaiters;
  /** Whoever reads the body waits for more of it; called again and again. */
  readonly wantBody: () => void;
  /** So much of the body waits for its reader that no more is wanted; called again and again. */
  readonly pauseBody: () => void;
  /** The reply makes the connection a tunnel to what `open` gives. */
  readonly tunnelTo: (call: Call, open: (events: LinkEvents) => Link) => void;
}

export class RichTurn {
  readonly call: Call;
  readonly #claim: Claim;
  readonly #deps: TurnDeps;
  readonly #pipe: BodyPipe;
  readonly #bodyBytes: number | null;
  readonly #bodyBegun: Promise<void>;
  #begin: () => void = () => undefined;
  #continued: boolean;
  #runs = false;

  /** `first`: what was read of the body before the claim; it stays as it is. */
  constructor(claim: Claim, call: Call, first: Buffer, deps: TurnDeps) {
    const { scanner, walk } = deps;
    this.call = call;
    this.#claim = claim;
    this.#deps = deps;
    this.#bodyBegun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#pipe = new BodyPipe({ start: deps.wantBody, stop: deps.pauseBody });
    if (first.length > 0) this.#pipe.push(first);
    if (walk.done) this.#pipe.end(walk.trailers());
    const { framing, contentLength, expectContinue } = scanner;
    this.#bodyBytes = framing === "chunked" ? null : framing === "length" ? contentLength : 0;
    // A relayed call leaves the 100 to its upstream; who has begun to send waits for none.
    this.#continued = !expectContinue || first.length > 0 || !this.answersHere;
  }

  /** The reply is not the upstream's. */
  get answersHere(): boolean {
    return this.#claim.rule.terminal.kind !== "relay";
  }

  /** Has nothing to say to a client that has left: it may be a call that hangs. */
  get mayHang(): boolean {
    return this.#claim.rule.terminal.kind === "abort";
  }

  /** False: the rest of the body is on its way upstream, or the client was never told to send it. */
  get mayDropRest(): boolean {
    return !this.call.upstreamUsed && this.#continued;
  }

  /** Hands on what `bytes[at..)` holds of the body; the caller leaves them as they are. Answers what `walk.feed` does. */
  feed(bytes: Buffer, at: number): number {
    const { walk } = this.#deps;
    const next = walk.feed(bytes, at, bytes.length, (from, to) => this.#pipe.push(bytes.subarray(from, to)));
    if (next < 0) return next;
    this.#begin();
    if (walk.done) this.#pipe.end(walk.trailers());
    return next;
  }

  /** The body ends short of its framing. */
  cut(reason: string): void {
    this.#pipe.fail(new UnderstudyError("body_cut", reason));
  }

  /** The client has left. A turn that has not come never will. */
  leave(): void {
    this.cut("the client left");
    if (!this.#runs) this.#claim.release();
    this.#runs = true;
  }

  /** Tells the client to send its body, once, where it waits to be told (RFC 9110 §10.1.1). */
  sayContinue(): void {
    if (this.#continued) return;
    this.#continued = true;
    this.#deps.connection.socket.write(continueHead);
  }

  /** Serves the call to its end; never rejects. Only while no earlier response is due. */
  run(): Promise<AfterCall> {
    const { connection, traffic, half, scanner, linkDrain, tunnelTo } = this.#deps;
    const { call } = this;
    this.#runs = true;
    return serveRich(
      {
        claim: this.#claim,
        call,
        head: scanner,
        minorVersion: scanner.minorVersion,
        bodyBytes: this.#bodyBytes,
        body: this.#pipe,
        bodyBegun: this.#bodyBegun,
        keepAlive: scanner.keepAlive,
      },
      {
        connection,
        traffic,
        half,
        write: (bytes) => this.#write(bytes),
        tunnelTo: (open) => tunnelTo(call, open),
        linkDrained: () => linkDrain.drained(),
      },
    );
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    const { socket } = this.#deps.connection;
    if (socket.destroyed) throw new UnderstudyError("aborted", "the client left");
    if (socket.write(bytes)) return undefined;
    return this.#deps.downstreamDrain.drained();
  }
}
