// The downstream half of an HTTP/1 connection, and the one place where its requests are put in order. It is long
// because it is the state machine of the connection:
//
//   head ──nobody claims──► body ──► head      plain road: the request's own bytes go to the pinned link; pipelined
//    │                                         requests follow at once, responses keep order by the half's queue
//    ├──a fixed mock──────► head               written at once
//    ├──undecided─────────► peek               bytes held back until the body is known ──► body | rich
//    ├──claimed───────────► barrier ──► rich   alone on the connection: waits until no response is due
//    ├──asks to upgrade───► switching          bytes held back until the response ──► head | tunnel
//    └──malformed─────────► over               refusal after the responses due, then FIN
//
// What only some connections need lies elsewhere and is made when it is needed: a request that is held back (peek.ts), a
// claimed call (rich-turn.ts), the way out of HTTP/1 (handover.ts, tunnel.ts), what is said before closing (last-words.ts). The link,
// and the responses on it, are upstream-half.ts's.

import { formatHostPort } from "../../../core/address.ts";
import type { Connection } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import type { Claim, Session, Traffic, Undecided } from "../../../core/lane.ts";
import type { Link } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { BorrowedBytes } from "../borrowed-bytes.ts";
import { claimUpgrade } from "../websocket/upgrade.ts";
import { writeClient } from "../write-client.ts";
import { BodyWalk } from "./body-walk.ts";
import { Call } from "./call.ts";
import { Carry } from "./carry.ts";
import { DrainWaiters } from "./drain-waiters.ts";
import { continueHead, refusalReply } from "./encode.ts";
import { failureBytes } from "./failure.ts";
import type { FixedReplies } from "./fixed-replies.ts";
import { asksForHttp2 } from "./h2c.ts";
import { Handover } from "./handover.ts";
import { callRefused, failAll, headRefused, headTooLate } from "./last-words.ts";
import { namesOpaqueHost, roughHost } from "./opaque-host.ts";
import type { ParserPool, Parsers } from "./parsers.ts";
import { Peek } from "./peek.ts";
import { originFormHead } from "./proxy-form.ts";
import type { RequestScanner } from "./request-scanner.ts";
import type { AfterCall } from "./rich-call.ts";
import { largestWriteBytes } from "./rich-reply.ts";
import { RichTurn } from "./rich-turn.ts";
import { insideNowhere } from "./tunnel.ts";
import { type DownstreamSide, UpstreamHalf } from "./upstream-half.ts";

type Phase = "head" | "body" | "peek" | "barrier" | "rich" | "discard" | "switching" | "full" | "over";

/** Responses that may be due at once on one connection; further pipelined requests wait. */
const maxPipelined = 128;
/** For a client to read our last words and close. */
const lingerMs = 2_000;

const noBytes = Buffer.alloc(0);

export class Http1Session implements Session, Deadlined, DownstreamSide {
  deadlineAt = 0;
  seat = -1;
  readonly #connection: Connection;
  readonly #traffic: Traffic;
  readonly #fixed: FixedReplies;
  readonly #pool: ParserPool;
  readonly #parsers: Parsers;
  readonly #scanner: RequestScanner;
  readonly #walk: BodyWalk;
  readonly #half: UpstreamHalf;
  readonly #borrowed: BorrowedBytes;
  readonly #carry = new Carry();
  #phase: Phase = "head";
  /** Bytes before this offset of the chunk at hand have been forwarded or dealt with. */
  #from = 0;
  /** Bytes that may not be looked at yet; the socket is paused meanwhile. */
  #held: Buffer[] = [];
  /** The call whose request is being read. */
  #call: Call | null = null;
  #peek: Peek | null = null;
  #turn: RichTurn | null = null;
  /** What to do once no response is due; set while the phase is `barrier`. */
  #afterResponses: (() => void) | null = null;
  #handover: Handover | null = null;
  #lastWords: Buffer | null = null;
  #headBegun = false;
  #first = true;
  #upstreamFull = false;
  #bodyFull = false;
  #progress = false;
  #downstreamEnded = false;
  /** The client has said that the request at hand is its last (RFC 9112 §9.6). */
  #lastRequest = false;
  /** A call was answered here since the last one that went upstream: an idle FIN from there is not news. */
  #answeredHere = false;
  /** Our FIN is out. */
  #closing = false;
  #gone = false;
  /** Bytes of the chunk at hand are still in use when it has been dealt with. */
  #keeps = false;
  /** Somebody else has read, and may go on reading, heads through our scanner. */
  #headsWereLent = false;
  /** Made for the first claimed call. */
  #downstreamDrain: DrainWaiters | null = null;
  #linkDrain: DrainWaiters | null = null;

  constructor(connection: Connection, traffic: Traffic, fixed: FixedReplies, pool: ParserPool) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#fixed = fixed;
    this.#pool = pool;
    this.#parsers = pool.take();
    this.#scanner = this.#parsers.request;
    this.#walk = new BodyWalk(traffic.settings.limits);
    this.#half = new UpstreamHalf(traffic, this, this.#parsers.response, connection.dial);
    this.#borrowed = new BorrowedBytes(connection, () => this.#released());
    this.#scanner.impliedScheme = connection.scheme ?? "http";
    this.deadlineAt = traffic.clock.now() + traffic.settings.deadlines.idleMs;
  }

  /** `first`: bytes that were read to detect the protocol. */
  start(first: Buffer | null): void {
    const { socket, inlet } = this.#connection;
    this.#traffic.deadlines.add(this);
    if (!inlet) socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    if (first) this.#consume(first);
    if (inlet && !this.#gone) inlet.direct(this.#onBytes);
    if (socket.readableEnded) this.#onEnd();
    if (socket.destroyed) this.#onClose();
    else this.#updateFlow();
  }

  drain(): void {
    this.#handover?.drain();
    if (this.#phase === "head" && this.#carry.isEmpty && this.#half.waiting === 0) this.#close();
  }

  // ── downstream events ────────────────────────────────────────────────────────────────────────────────────────────

  readonly #onData = (chunk: Buffer): void => {
    if (this.#held.length === 0) return this.#consume(chunk);
    this.#held.push(chunk);
    this.#keeps = true;
  };

  /** Bytes that lie in a buffer which is used again, unless some of them are kept. */
  readonly #onBytes = (chunk: Buffer): boolean => {
    this.#keeps = false;
    this.#onData(chunk);
    return !this.#keeps;
  };

  readonly #onDrain = (): void => {
    this.#half.resume();
    this.#downstreamDrain?.wake();
    if (this.#phase === "full") this.#proceed("head");
  };

  readonly #onEnd = (): void => {
    if (this.#downstreamEnded) return;
    this.#downstreamEnded = true;
    if (this.#closing) return;
    if (this.#phase === "peek") {
      if (!this.#walk.done) this.#decidePeeked(null);
      if (!this.#turn) return; // the FIN follows once the request has gone on
    }
    this.#turn?.cut("the client ended its request before its framing said so");
    const idle = this.#half.waiting === 0 && (this.#phase !== "rich" || this.#turn?.mayHang);
    if (!idle) {
      const isSent = this.#phase === "rich" ? this.#turn?.requestSent : this.#phase !== "barrier";
      if (isSent && this.#held.length === 0) this.#half.endRequests();
    } else if (this.#half.upstream && this.#connection.mode !== "proxy" && !this.#answeredHere)
      this.#half.endRequests();
    else this.#close();
  };

  readonly #onError = (error: Error): void => {
    this.#call?.fail("failed", "DC", error.message);
  };

  readonly #onClose = (): void => {
    if (this.#gone) return;
    this.#gone = true;
    this.#traffic.deadlines.remove(this);
    const now = this.#traffic.clock.now();
    const waiting = this.#half.takeWaiting();
    const cut = waiting.length > 0 || !this.#walk.done || this.#phase === "rich";
    // A call that hangs has been served until here.
    const hung = this.#turn?.mayHang;
    this.#phase = "over";
    for (const call of waiting) {
      call.fail("failed", "DC", "the client left before its reply was complete");
      call.sink?.fail("rst", "DC", "the client left");
      if (call !== this.#turn?.call) call.finish(this.#traffic, now);
    }
    this.#half.drop(cut);
    this.#turn?.leave();
    this.#downstreamDrain?.wake();
    this.#linkDrain?.wake();
    if (!hung) this.#call?.fail("failed", "DC", "the client left before its reply was complete");
    this.#call?.finish(this.#traffic, now);
    this.#handover?.drop();
    this.#giveParsersBack();
  };

  expire(): void {
    const { socket } = this.#connection;
    const { deadlines } = this.#traffic.settings;
    if (this.#phase === "over") socket.destroy();
    else if (this.#progress) {
      this.#progress = false;
      this.deadlineAt = this.#traffic.clock.now() + deadlines.responseMs;
    } else if (this.#headBegun) {
      this.#finishWith(headTooLate(this.#connection, this.#traffic));
    } else if (this.#phase === "peek") this.#decidePeeked(null);
    else if (this.#phase === "body" || (this.#phase === "rich" && !this.#walk.done && !this.#bodyFull)) {
      this.#call?.fail("failed", "SI", `no byte of the request body for ${deadlines.bodyIdleMs} ms`);
      socket.destroy();
    } else if (socket.writableNeedDrain) {
      const call = this.#turn?.call ?? this.#half.current;
      call?.fail("failed", "SI", `the client took no byte of the response for ${deadlines.responseMs} ms`);
      socket.destroy();
    } else if (this.#half.current) {
      const call = this.#half.current;
      const begun = this.#half.responseBegun;
      this.#half.drop(true);
      const detail = `no byte of the response for ${deadlines.responseMs} ms`;
      if (call.sink) call.sink.fail("rst", "UT", detail);
      else this.failed(call, begun, "rst", "UT", detail);
    } else this.#close();
  }

  // ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #consume(chunk: Buffer): void {
    const bytes = this.#carry.join(chunk);
    this.#from = 0;
    let at = 0;
    while (at < bytes.length && at >= 0) {
      switch (this.#phase) {
        case "head":
          at = this.#head(bytes, at);
          break;
        case "body":
          at = this.#body(bytes, at);
          break;
        case "discard":
        case "peek":
        case "rich":
          at = this.#keptBody(bytes, at);
          break;
        case "over":
          return;
        case "barrier":
        case "switching":
        case "full":
          at = this.#hold(bytes, at);
          break;
        default:
          this.#phase satisfies never;
      }
    }
    if (at >= 0) this.#flush(bytes, at);
  }

  /** Offset behind the head; -1 where the chunk has been dealt with. */
  #head(bytes: Buffer, at: number): number {
    const scanner = this.#scanner;
    const now = this.#traffic.clock.now();
    const length = scanner.scan(bytes, at, bytes.length);
    if (length < 0) return this.#refuse(bytes, at);
    if (length === 0) {
      this.#flush(bytes, at);
      this.#carry.keep(bytes, at);
      if (!this.#headBegun) this.deadlineAt = now + this.#traffic.settings.deadlines.headMs;
      this.#headBegun = true;
      return -1;
    }
    this.#headBegun = false;
    if (this.#first && this.#stepsAside(bytes, scanner.authority)) return -1;
    this.#first = false;
    const mayUpgrade = scanner.upgrade || scanner.targetForm === "authority";
    const call = new Call(this.#connection, scanner, this.#traffic, now, mayUpgrade);
    call.requestBytes = length;
    if (mayUpgrade) {
      call.concernMessages(claimUpgrade(scanner, this.#connection, this.#traffic));
      call.asksHttp2 = asksForHttp2(scanner);
    }
    if (this.#connection.mode === "proxy") return this.#proxyHead(call, bytes, at, at + length);
    if (scanner.targetForm === "authority") call.connectHead = Buffer.from(bytes.subarray(at, at + length));
    const verdict = this.#traffic.decide(scanner, this.#connection);
    if (verdict) return this.#decided(verdict, call, bytes, at, at + length);
    if (this.#connection.originalDestination) this.#half.connect(this.#connection.originalDestination);
    return this.#plain(call, bytes, at + length);
  }

  /** Nobody claims the call: its bytes go on as they are. */
  #plain(call: Call, bytes: Buffer, next: number): number {
    const scanner = this.#scanner;
    this.#half.expect(call);
    this.#answeredHere = false;
    this.#walk.begin(scanner.framing, scanner.contentLength);
    this.#lastRequest = !scanner.keepAlive;
    this.deadlineAt = call.startedAt + this.#traffic.settings.deadlines.responseMs;
    scanner.reset();
    this.#call = call;
    this.#phase = "body";
    if (this.#walk.done) this.#requestEnds(bytes, next);
    return next;
  }

  /** The request of the plain road is complete. */
  #requestEnds(bytes: Buffer, next: number): void {
    const call = this.#call;
    this.#call = null;
    this.#phase = "head";
    if (!call?.mayUpgrade && this.#half.waiting < maxPipelined) return;
    this.#flush(bytes, next);
    this.#phase = call?.mayUpgrade ? "switching" : "full";
  }

  #proxyHead(call: Call, bytes: Buffer, at: number, next: number): number {
    const scanner = this.#scanner;
    this.#flush(bytes, at); // the end of the body before it
    const upstream = this.#traffic.destinationOf(call.authority);
    if (scanner.targetForm === "authority" && upstream) return this.#connect(call, bytes, next);
    const verdict = this.#traffic.decide(scanner, this.#connection);
    if (verdict) return this.#decided(verdict, call, bytes, at, next);
    this.#from = next;
    if (scanner.targetForm !== "absolute" || scanner.scheme !== "http" || !upstream) {
      const detail = `expected a request for http://host/path or CONNECT host:port, got "${call.method} ${scanner.target}"`;
      return this.#refuseCall(call, detail);
    }
    call.upstream = upstream;
    const head = originFormHead(scanner, bytes, at);
    const send = () => {
      this.#half.connect(upstream);
      if (!this.#half.send(head)) this.#pauseUploads();
    };
    const pinned = this.#half.upstream;
    if (this.#half.waiting > 0 && !(pinned?.host === upstream.host && pinned.port === upstream.port)) {
      this.#phase = "barrier";
      this.#carry.release(); // the scanner goes on reading these bytes
      this.#keeps = true;
      this.#afterResponses = () => {
        send();
        this.#plain(call, noBytes, 0);
        if (this.#phase === "head" || this.#phase === "body") this.#proceed(this.#phase);
      };
      return next;
    }
    send();
    return this.#plain(call, bytes, next);
  }

  /** CONNECT: answered at once, because only the bytes of the client tell what the tunnel carries. */
  #connect(call: Call, bytes: Buffer, next: number): number {
    const upstream = this.#traffic.destinationOf(call.authority);
    if (this.#half.waiting > 0 || !upstream)
      return this.#refuseCall(call, "CONNECT behind unanswered requests");
    const rest = next < bytes.length ? Buffer.from(bytes.subarray(next)) : null;
    this.#enterTunnel(this.#connection.tunnelTo(upstream), rest);
    return -1;
  }

  /** The client hears that it has its tunnel, which goes on as a connection of its own. */
  #enterTunnel(inside: Connection, first: Buffer | null): void {
    this.#connection.socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    this.#half.drop(false);
    this.#detach();
    this.#traffic.route(inside, first, null);
  }

  #decided(verdict: Claim | Undecided, call: Call, bytes: Buffer, at: number, next: number): number {
    const scanner = this.#scanner;
    this.#flush(bytes, at);
    this.#from = next;
    this.#walk.begin(scanner.framing, scanner.contentLength);
    if (verdict.kind === "claim" && this.#answerFixed(verdict, call)) return next;
    this.#carry.release(); // the scanner goes on reading these bytes
    this.#keeps = true;
    this.#headsWereLent = true;
    this.#call = call;
    if (verdict.kind === "claim") {
      this.#takeTurn(verdict, call, noBytes);
      return next;
    }
    const head =
      this.#connection.mode === "proxy" ? originFormHead(scanner, bytes, at) : bytes.subarray(at, next);
    const { limits, deadlines } = this.#traffic.settings;
    this.#peek = new Peek(verdict, head, limits.maxRuleBodyBytes);
    this.#phase = "peek";
    this.deadlineAt = call.startedAt + deadlines.ruleBodyMs;
    this.#sayContinue();
    if (this.#walk.done) this.#decidePeeked(noBytes);
    return next;
  }

  /** Asks for the body that a rule looks at, where the client waits to be asked; not amid a response that is due before. */
  #sayContinue(): void {
    const call = this.#call;
    if (this.#phase !== "peek" || !call || this.#half.waiting > 0) return;
    if (!this.#scanner.expectContinue || call.saidContinue) return;
    call.saidContinue = true;
    this.#connection.socket.write(continueHead);
  }

  /** The hot path of mocks: a reply that never varies, to a request without a body. */
  #answerFixed(claim: Claim, call: Call): boolean {
    const { terminal, effects } = claim.rule;
    const scanner = this.#scanner;
    if (terminal.kind === "relay" || !terminal.fixed || effects.length > 0) return false;
    if (!this.#walk.done || this.#half.waiting > 0 || !scanner.keepAlive || scanner.minorVersion !== 1)
      return false;
    if (this.#traffic.isDraining() || terminal.fixed.body.length > largestWriteBytes) return false;
    const reply = this.#fixed.encode(terminal.fixed, call.method, call.startedAtMs);
    if (reply === null) return false;
    const flowing = writeClient(this.#connection, reply);
    call.claimedBy(claim.rule);
    call.status = terminal.fixed.status;
    call.responseBytes = reply.length;
    call.upstream = null;
    claim.release();
    scanner.reset();
    this.#answeredHere = true;
    const now = this.#traffic.clock.now();
    this.deadlineAt = now + this.#traffic.settings.deadlines.idleMs;
    call.finish(this.#traffic, now);
    if (!flowing) this.#phase = "full";
    return true;
  }

  /** Bytes of a request body on the plain road. */
  #body(bytes: Buffer, at: number): number {
    const walk = this.#walk;
    const next = walk.feed(bytes, at, bytes.length);
    if (next < 0) return this.#badBody(bytes, at);
    if (this.#call) this.#call.requestBytes += next - at;
    const { bodyIdleMs, responseMs } = this.#traffic.settings.deadlines;
    this.deadlineAt = this.#traffic.clock.now() + (walk.done ? responseMs : bodyIdleMs);
    if (walk.done) this.#requestEnds(bytes, next);
    return next;
  }

  /** Bytes of a request body that stays here: a rule looks at it, a claimed call reads it, or nobody wants it any more. */
  #keptBody(bytes: Buffer, at: number): number {
    const walk = this.#walk;
    const peek = this.#peek;
    if (walk.done) return this.#hold(bytes, at);
    const next = peek
      ? peek.feed(walk, bytes, at)
      : (this.#turn?.feed(bytes, at) ?? walk.feed(bytes, at, bytes.length));
    if (next < 0) return this.#badBody(bytes, at);
    if (this.#call) this.#call.requestBytes += next - at;
    this.#from = next;
    if (!peek) this.#keeps = true;
    const { bodyIdleMs, responseMs, ruleBodyMs } = this.#traffic.settings.deadlines;
    // Who is told to wait is not late.
    const waitMs = walk.done || this.#bodyFull ? responseMs : peek ? ruleBodyMs : bodyIdleMs;
    this.deadlineAt = this.#traffic.clock.now() + waitMs;
    if (peek) {
      if (walk.done ? !peek.waits : peek.isSettled) this.#decidePeeked(peek.body);
    } else if (walk.done && this.#phase === "discard") this.#nextRequest();
    return next;
  }

  /** `body` null: it is too large to be looked at, or does not come. */
  #decidePeeked(body: Buffer | null): void {
    const peek = this.#peek;
    const call = this.#call;
    if (!peek || !call) return;
    const lacks = peek.lacks(body);
    if (lacks !== null) {
      return void lacks.then(() => {
        if (this.#peek === peek && this.#phase === "peek") this.#decidePeeked(peek.body);
      });
    }
    this.#peek = null;
    const { clock, settings } = this.#traffic;
    this.deadlineAt = clock.now() + settings.deadlines.responseMs; // no longer that of looking
    const claim = peek.decide(body);
    if (claim) this.#takeTurn(claim, call, peek.whole);
    else this.#relayPeeked(peek, call);
  }

  /** Nobody claims it after all: the bytes that were held back go on as they came. */
  #relayPeeked(peek: Peek, call: Call): void {
    const upstream = this.#connection.originalDestination ?? this.#traffic.destinationOf(call.authority);
    if (!upstream) return void this.#refuseCall(call, `"${call.authority}" names no host to relay to`);
    const relay = () => {
      call.upstream = upstream;
      this.#half.connect(upstream);
      this.#half.expect(call);
      this.#answeredHere = false;
      this.#scanner.reset();
      if (!this.#half.send(peek.request)) this.#pauseUploads();
      this.#phase = "body";
      const { bodyIdleMs, responseMs } = this.#traffic.settings.deadlines;
      this.deadlineAt = this.#traffic.clock.now() + (this.#walk.done ? responseMs : bodyIdleMs);
      if (this.#walk.done) this.#requestEnds(noBytes, 0);
      this.#proceed(this.#phase);
    };
    if (this.#half.waiting === 0) return relay();
    this.#phase = "barrier";
    this.#afterResponses = relay;
  }

  /** Takes the rich road as soon as no earlier response is due. `first`: what was read of the body. */
  #takeTurn(claim: Claim, call: Call, first: Buffer): void {
    this.#downstreamDrain ??= new DrainWaiters();
    this.#linkDrain ??= new DrainWaiters();
    const turn = new RichTurn(claim, call, first, {
      connection: this.#connection,
      traffic: this.#traffic,
      half: this.#half,
      scanner: this.#scanner,
      walk: this.#walk,
      downstreamDrain: this.#downstreamDrain,
      linkDrain: this.#linkDrain,
      wantBody: () => this.#wantBody(),
      pauseBody: () => this.#pauseBody(),
      progressed: () => {
        this.#progress = true;
      },
      requestSent: () => {
        if (this.#downstreamEnded && this.#held.length === 0) this.#half.endRequests();
      },
      replied: (of) => this.#told(of),
      tunnelTo: (of, open) => {
        this.#handover = new Handover(of, open(this.#half), null);
      },
    });
    this.#turn = turn;
    if (this.#half.waiting === 0) return this.#runTurn(turn);
    this.#phase = "barrier";
    this.#afterResponses = () => this.#runTurn(turn);
  }

  #runTurn(turn: RichTurn): void {
    this.#phase = "rich";
    const { responseMs, hangMs } = this.#traffic.settings.deadlines;
    this.deadlineAt = this.#traffic.clock.now() + Math.max(responseMs, hangMs);
    this.#answeredHere = turn.answersHere;
    void turn.run().then((after) => this.#afterTurn(turn, after));
    if (this.#held.length > 0) this.#proceed("rich");
  }

  /** Nothing that comes is news of this call. */
  #told(call: Call): void {
    this.#call = null;
    call.finish(this.#traffic);
  }

  #afterTurn(turn: RichTurn, after: AfterCall): void {
    this.#turn = null;
    this.#progress = false;
    this.#bodyFull = false;
    this.#told(turn.call);
    if (this.#gone) return;
    if (after !== "tunnel") this.#stayInHttp();
    const mayGoOn = after === "next" && (this.#walk.done || turn.mayDropRest);
    if (after === "tunnel" && this.#handover) this.#openTunnel();
    else if (after === "reset") this.#connection.socket.resetAndDestroy();
    else if (!mayGoOn || this.#downstreamEnded || this.#traffic.isDraining()) this.#close();
    else if (!this.#walk.done) this.#proceed("discard");
    else this.#nextRequest();
  }

  /** The upstream has switched protocols, the reply has not: a rule made another one of it. */
  #stayInHttp(): void {
    if (this.#handover === null) return;
    this.#handover.drop();
    this.#handover = null;
    this.#half.drop(false); // so that it reads what the next link brings from its beginning
  }

  #nextRequest(): void {
    this.#scanner.reset();
    this.deadlineAt = this.#traffic.clock.now() + this.#traffic.settings.deadlines.idleMs;
    this.#proceed("head");
  }

  // ── refusing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #refuse(bytes: Buffer, at: number): number {
    if (this.#first && this.#stepsAside(bytes, roughHost(bytes))) return -1;
    this.#flush(bytes, at);
    const refusal = this.#scanner.refusal;
    if (refusal) this.#finishWith(headRefused(this.#connection, this.#traffic, refusal));
    return -1;
  }

  #badBody(bytes: Buffer, at: number): number {
    this.#flush(bytes, at);
    const reason = this.#walk.refusal?.reason ?? "malformed request body";
    this.#call?.fail("refused", "DPE", reason);
    // Its beginning is upstream already; what cannot be delimited must not follow it.
    if (this.#phase === "body") {
      const begun = this.#half.responseBegun;
      this.#half.drop(true);
      failAll(this.#half.takeWaiting(), this.#traffic, "refused", "DPE", reason);
      if (begun) {
        this.#connection.socket.destroy();
        return -1;
      }
    }
    this.#turn?.cut(reason);
    const refusal = this.#walk.refusal;
    if (refusal && !this.#turn) this.#finishWith(refusalReply(refusal));
    return -1;
  }

  #refuseCall(call: Call, detail: string): -1 {
    this.#finishWith(callRefused(call, this.#traffic, detail));
    return -1;
  }

  #stepsAside(bytes: Buffer, authority: string): boolean {
    const { opaqueHosts } = this.#traffic.settings;
    if (!namesOpaqueHost(opaqueHosts, this.#connection.originalDestination, authority)) return false;
    if (!this.#connection.originalDestination) return false;
    this.#detach();
    this.#traffic.route(this.#connection, Buffer.from(bytes), "opaque");
    return true;
  }

  // ── what the upstream half calls ─────────────────────────────────────────────────────────────────────────────────

  toDownstream(bytes: Buffer): void {
    this.#progress = true;
    if (!this.#borrowed.write(bytes)) this.#half.pause();
  }

  #released(): void {
    if (this.#handover?.isOpen) this.#handover.released();
    else this.#half.released();
  }

  get holdsBytes(): boolean {
    return this.#borrowed.held;
  }

  responded(call: Call, reusable: boolean): void {
    const now = this.#traffic.clock.now();
    call.finish(this.#traffic, now);
    this.#progress = false;
    if (this.#half.waiting > 0) return;
    const follows = this.#keepsBack || this.#lastWords !== null;
    if (!reusable && (follows || this.#connection.mode === "proxy")) return this.#closeBehind(call);
    if (this.#phase === "head" && !this.#headBegun)
      this.deadlineAt = now + this.#traffic.settings.deadlines.idleMs;
    if (this.#lastWords) this.#finishWith(this.#lastWords);
    else if (this.#phase === "barrier") {
      const go = this.#afterResponses;
      this.#afterResponses = null;
      go?.();
    } else if (this.#phase === "head" && (this.#traffic.isDraining() || this.#isLeftBehind)) this.#close();
    else if (this.#phase === "switching" || this.#phase === "full") this.#proceed("head");
    else if (this.#phase === "peek") this.#sayContinue();
  }

  /** The client has ended, and the end of an upstream is not that of its connection. */
  get #isLeftBehind(): boolean {
    return this.#downstreamEnded && this.#connection.mode === "proxy";
  }

  /** A call has begun that has reached nobody yet. */
  get #keepsBack(): boolean {
    return this.#phase === "barrier" || this.#phase === "peek";
  }

  /** Nothing follows a response that says so, or that only the end of the connection ends (RFC 9112 §9.6). */
  #closeBehind(call: Call): void {
    if (this.#keepsBack)
      this.#call?.fail("failed", "UC", `the response to ${call.method} ${call.path} closed the connection`);
    this.#close();
  }

  tunnelRefused(call: Call, answer: string): boolean {
    const proxy = call.upstream ? formatHostPort(call.upstream) : "";
    const why = `the proxy ${proxy}, asked for a tunnel to ${call.authority}, answered ${answer}`;
    return this.#tunnelNowhere(call, why);
  }

  /** Where nobody opens the tunnel, rules may answer in it all the same. */
  #tunnelNowhere(call: Call, why: string, flag: Flag | null = null): boolean {
    const inside = insideNowhere(this.#connection, this.#traffic, call, why);
    if (!inside) return false;
    this.#half.takeWaiting();
    if (flag) call.fail("failed", flag, why);
    else call.remark(why);
    call.remark("rules answer for that host, so its client goes on");
    call.finish(this.#traffic);
    this.#enterTunnel(inside, this.#takeHeld());
    return true;
  }

  switchToTunnel(call: Call, link: Link, rest: Buffer): void {
    link.pause();
    this.#handover = new Handover(call, link, rest);
    if (!call.sink) this.#openTunnel(); // else the reply is still to be written; its turn goes on
  }

  upstreamDrained(): void {
    this.#upstreamFull = false;
    this.#linkDrain?.wake();
    this.#updateFlow();
  }

  idleLinkEnded(how: "fin" | "rst"): void {
    if (this.#phase === "rich") return this.#turn?.upstreamLeft();
    if (this.#phase === "peek") return; // nothing of this call has gone there yet; another link takes it
    if (this.#connection.mode === "proxy" || this.#answeredHere) return;
    if (how === "rst") this.#connection.socket.resetAndDestroy();
    else this.#close();
  }

  failed(call: Call, begun: boolean, how: "fin" | "rst", flag: Flag, detail: string): void {
    if ((flag === "UF" || flag === "UT") && this.#tunnelNowhere(call, detail, flag)) return;
    // RFC 9112 §6.3: a broken response becomes 502 whoever the client believes it talks to.
    const speaks = !begun && (flag === "UPE" || this.#connection.mode !== "transparent");
    if (speaks) call.status = flag === "UT" ? 504 : 502;
    failAll(this.#half.takeWaiting(), this.#traffic, "failed", flag, detail);
    // One that waits for its turn fails with those before it, and ends with the connection.
    if (this.#keepsBack) this.#call?.fail("failed", flag, detail);
    else this.#call = null;
    if (speaks) this.#finishWith(failureBytes(call.status, detail));
    else if (how === "rst") this.#connection.socket.resetAndDestroy();
    else this.#close();
  }

  // ── plumbing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #flush(bytes: Buffer, to: number): void {
    if (to <= this.#from) return;
    const part = this.#from === 0 && to === bytes.length ? bytes : bytes.subarray(this.#from, to);
    this.#from = to;
    if (!this.#half.send(part)) this.#pauseUploads();
    if (this.#half.holdsRequestBytes) this.#keeps = true;
  }

  #pauseUploads(): void {
    this.#upstreamFull = true;
    this.#updateFlow();
  }

  #wantBody(): void {
    this.#turn?.sayContinue();
    if (this.#bodyFull && !this.#walk.done)
      this.deadlineAt = this.#traffic.clock.now() + this.#traffic.settings.deadlines.bodyIdleMs;
    this.#bodyFull = false;
    this.#updateFlow();
  }

  #pauseBody(): void {
    this.#bodyFull = true;
    this.#updateFlow();
  }

  #hold(bytes: Buffer, at: number): number {
    this.#flush(bytes, at);
    if (at < bytes.length) this.#held.unshift(bytes.subarray(at));
    this.#keeps = true;
    this.#carry.release();
    this.#updateFlow();
    return -1;
  }

  /** Goes on with `phase` and whatever was held back. */
  #proceed(phase: Phase): void {
    this.#phase = phase;
    for (let next = this.#held.shift(); next; next = this.#held.shift()) {
      const before = this.#held.length;
      this.#consume(next);
      if (this.#held.length > before) break;
    }
    this.#updateFlow();
    if (!this.#downstreamEnded || this.#gone) return;
    if (this.#phase === "head" && this.#half.waiting === 0) this.#close();
    else if (this.#phase === "head" || this.#phase === "body") this.#half.endRequests(); // it came while that had to wait
  }

  #updateFlow(): void {
    const { socket, inlet } = this.#connection;
    const blocked = this.#upstreamFull || this.#bodyFull || this.#held.length > 0;
    if (blocked) socket.pause();
    else if (socket.isPaused() || (!inlet && !socket.readableFlowing)) socket.resume();
  }

  /** Our last bytes on this connection, after the responses that are due. */
  #finishWith(bytes: Buffer): void {
    this.#held = [];
    this.#phase = "over";
    this.#headBegun = false;
    this.#lastWords = bytes;
    if (this.#half.waiting > 0) return this.#updateFlow();
    this.#lastWords = null;
    this.#connection.socket.write(bytes);
    this.#close();
  }

  /**
   * FIN, then patience while the client reads: closing at once could destroy what it has not read (RFC 9112 §9.6). Not
   * where its last request has come whole: then it has nothing more to send that would.
   */
  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#phase = "over";
    this.#held = [];
    this.#upstreamFull = false;
    this.#bodyFull = false;
    this.deadlineAt = this.#traffic.clock.now() + lingerMs;
    this.#half.drop(false);
    if (this.#lastRequest && this.#walk.done) return this.#connection.socket.destroySoon();
    this.#connection.socket.end();
    this.#updateFlow();
  }

  #takeHeld(): Buffer | null {
    const held = this.#held;
    this.#held = [];
    return held.length > 0 ? Buffer.concat(held) : null;
  }

  #openTunnel(): void {
    const handover = this.#handover;
    if (!handover) return;
    const first = this.#takeHeld();
    this.#detach();
    handover.open(this.#connection, this.#traffic, this.#half, first);
    // Bytes from before the switch may still wait in the socket; their account stays with this session.
    if (!this.#borrowed.held) this.#released();
    handover.resume();
  }

  /** Lets go of the socket: somebody else serves it from now on. */
  #detach(): void {
    const { socket, inlet } = this.#connection;
    this.#gone = true;
    this.#phase = "over";
    this.#traffic.deadlines.remove(this);
    inlet?.direct(null);
    socket.off("data", this.#onData);
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
    this.#giveParsersBack();
  }

  /** Not where a head of theirs may still be read: by an effect or a rule that has not noticed the end yet. */
  #giveParsersBack(): void {
    if (!this.#headsWereLent) this.#pool.give(this.#parsers);
  }
}
