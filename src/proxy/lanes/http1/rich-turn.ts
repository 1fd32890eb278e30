// A claimed call's turn on its connection, as the session sees it: the request body on its way to the rich road, and the
// interim responses, of which 100 Continue asks the client for it. The session feeds it, lets it run once no earlier
// response is due, and decides what becomes of the connection behind it.

import type { Connection } from "../../../core/connection.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Claim, Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { BodyWalk } from "./body-walk.ts";
import type { Call } from "./call.ts";
import type { DrainWaiters } from "./drain-waiters.ts";
import { continueHead, encodeResponseHead } from "./encode.ts";
import type { RequestScanner } from "./request-scanner.ts";
import type { AfterCall } from "./rich-call.ts";
import { serveRich } from "./rich-road.ts";
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
  /** A part of the reply is on its way to the client. */
  readonly progressed: () => void;
  /** The reply is written to its end; the turn lasts until the request has gone upstream as well. */
  readonly replied: (call: Call) => void;
  /** The upstream has the request to its last byte. */
  readonly requestSent: () => void;
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
  /** The client has neither been told to send its body (RFC 9110 §10.1.1), nor begun to. */
  #waits: boolean;
  #runs = false;
  #requestSent = false;
  #upstreamLeft = false;

  /** `first`: what was read of the body before the claim; it stays as it is. */
  constructor(claim: Claim, call: Call, first: Buffer, deps: TurnDeps) {
    const { scanner, walk } = deps;
    this.call = call;
    this.#claim = claim;
    this.#deps = deps;
    this.#bodyBegun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    // Who reads no body to the end goes on reading the socket, to notice when the client has had enough of waiting.
    const stop = readsNoBody(claim) ? () => this.#pipe.abandon() : deps.pauseBody;
    this.#pipe = new BodyPipe({ start: deps.wantBody, stop });
    if (first.length > 0) this.#pipe.push(first);
    if (walk.done) this.#pipe.end(walk.trailers());
    const { framing, contentLength, expectContinue } = scanner;
    this.#bodyBytes = framing === "chunked" ? null : framing === "length" ? contentLength : 0;
    this.#waits = expectContinue && !call.saidContinue && first.length === 0 && !walk.done;
  }

  /** The reply is not the upstream's. */
  get answersHere(): boolean {
    return this.#claim.rule.terminal.kind !== "relay";
  }

  /** Has nothing to say to a client that has left. */
  get mayHang(): boolean {
    return this.#runs && hangs(this.#claim);
  }

  /** The upstream has all that it needs of the client. */
  get requestSent(): boolean {
    return this.#requestSent;
  }

  /** False: the client was never told to send the rest of its body, or the upstream has left instead of taking it. */
  get mayDropRest(): boolean {
    return !this.#waits && !this.#upstreamLeft;
  }

  /** Hands on what `bytes[at..)` holds of the body; the caller leaves them as they are. Answers what `walk.feed` does. */
  feed(bytes: Buffer, at: number): number {
    const { walk } = this.#deps;
    const next = walk.feed(bytes, at, bytes.length, (from, to) => this.#pipe.push(bytes.subarray(from, to)));
    if (next < 0) return next;
    this.#waits = false;
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

  /** The link has ended while no response was due: what it has not taken of this call's request it never will. */
  upstreamLeft(): void {
    if (!this.call.upstreamUsed) return;
    this.#upstreamLeft = true;
    this.cut("the upstream closed the connection");
    this.#deps.linkDrain.wake();
  }

  /** Tells the client to send its body, where it waits to be told. A relayed call leaves that to its upstream. */
  sayContinue(): void {
    if (!this.#waits || !this.answersHere) return;
    this.#waits = false;
    this.#deps.connection.socket.write(continueHead);
  }

  /** Serves the call to its end; never rejects. Only while no earlier response is due. */
  run(): Promise<AfterCall> {
    const { connection, traffic, half, scanner, linkDrain, replied, tunnelTo } = this.#deps;
    const { call } = this;
    const keepsConnection = () => this.#keepsConnection;
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
        get keepAlive() {
          return keepsConnection();
        },
      },
      {
        connection,
        traffic,
        half,
        write: (bytes) => this.#write(bytes),
        tunnelTo: (open) => tunnelTo(call, open),
        interim: (status, headers) => this.#interim(status, headers),
        requestSent: () => {
          this.#requestSent = true;
          this.#deps.requestSent();
        },
        replied: () => replied(call),
        linkDrain,
      },
    );
  }

  /** A client that is answered without being told to send its body is to hear that we do not wait for it. */
  get #keepsConnection(): boolean {
    return this.#deps.scanner.keepAlive && !(this.#waits && this.answersHere);
  }

  /** RFC 9110 §15.2: HTTP/1.0 knows no interim responses. */
  #interim(status: number, headers: HeaderList): void {
    const { connection, half, scanner } = this.#deps;
    if (status === 100) this.#waits = false;
    if (status === 100 && this.call.saidContinue) return;
    if (scanner.minorVersion === 0 || connection.socket.destroyed) return;
    const bytes = encodeResponseHead(status, "", headers);
    this.call.responseBytes += bytes.length;
    if (!connection.socket.write(bytes)) half.pause();
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    const { socket } = this.#deps.connection;
    if (socket.destroyed) throw new UnderstudyError("aborted", "the client left");
    this.#deps.progressed();
    if (socket.write(bytes)) return undefined;
    return this.#deps.downstreamDrain.drained();
  }
}

function hangs({ rule: { terminal } }: Claim): boolean {
  return terminal.kind === "abort" && terminal.waits === true;
}

/** Another abort may end while the call is delayed, which then needs its body. */
function readsNoBody(claim: Claim): boolean {
  const { terminal, effects } = claim.rule;
  if (terminal.kind !== "abort" || !effects.every(({ fault }) => fault)) return false;
  return hangs(claim) || !effects.some(({ kind }) => kind === "delay");
}
