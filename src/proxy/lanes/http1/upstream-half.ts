// The upstream half of a connection: one pinned link, the calls that wait for their responses in order, and the walk
// over each response to know where it ends. On the plain road the response's own bytes go to the downstream; a call
// with a sink (rich road) gets its response there instead.
//
//   link.data ──► head ──► body ──► next call          101, or 2xx to CONNECT ──► tunnel
//                  └─ 1xx: forwarded, still waiting

import type { HostPort } from "../../../core/address.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyWalk } from "./body-walk.ts";
import type { Call } from "./call.ts";
import { CallQueue } from "./call-queue.ts";
import { Carry } from "./carry.ts";
import { opaqueAdvice } from "./opaque-host.ts";
import { opensTunnel } from "./reply-framing.ts";
import type { ResponseScanner } from "./response-scanner.ts";

/** What the half needs of the downstream side. */
export interface DownstreamSide {
  /** Writes to the downstream; applies backpressure to the link by itself. */
  toDownstream(bytes: Buffer): void;
  /** True while bytes written downstream have not left. */
  readonly holdsBytes: boolean;
  /** A response on the plain road is complete. `reusable`: the upstream keeps the connection open behind it. */
  responded(call: Call, reusable: boolean): void;
  /** The proxy upstream opens no tunnel. True: that is not passed on. */
  tunnelRefused(call: Call, answer: string): boolean;
  /** The connection leaves HTTP; `rest`: bytes of the upstream behind the response head. */
  switchToTunnel(call: Call, link: Link, rest: Buffer): void;
  /** The link can take more request bytes. */
  upstreamDrained(): void;
  /** The link ended while nobody waited for a response. */
  idleLinkEnded(how: "fin" | "rst"): void;
  /** A plain call got no whole response. `begun`: a part of it has been forwarded. */
  failed(call: Call, begun: boolean, how: "fin" | "rst", flag: Flag, detail: string): void;
}

export class UpstreamHalf implements LinkEvents {
  readonly #dial: Dial;
  readonly #down: DownstreamSide;
  readonly #scanner: ResponseScanner;
  readonly #walk: BodyWalk;
  readonly #carry = new Carry();
  readonly #waiting = new CallQueue();
  #link: Link | null = null;
  #inBody = false;
  #reusable = true;
  /** The downstream's FIN has been forwarded. */
  #ended = false;
  /** Takes over after the connection has left HTTP. */
  #successor: LinkEvents | null = null;
  /** Bytes before this offset of the chunk at hand have been forwarded or belong to a sink. */
  #from = 0;

  constructor(traffic: Traffic, down: DownstreamSide, scanner: ResponseScanner, dial = traffic.dial) {
    this.#dial = dial;
    this.#down = down;
    this.#scanner = scanner;
    this.#walk = new BodyWalk(traffic.settings.limits);
  }

  /** Calls whose response is not complete. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get upstream(): HostPort | null {
    return this.#link?.upstream ?? null;
  }

  /** True once a part of the first waiting call's response has been forwarded. */
  get responseBegun(): boolean {
    return this.#inBody;
  }

  get current(): Call | undefined {
    return this.#waiting.first;
  }

  /** Pins a link to `upstream`; one to another place is given up. Only while no call waits. */
  connect(upstream: HostPort): void {
    const link = this.#link;
    if (link && link.upstream.port === upstream.port && link.upstream.host === upstream.host) return;
    link?.destroy(false);
    this.#link = this.#dial(upstream, this);
  }

  expect(call: Call): void {
    this.#waiting.push(call);
  }

  /** False: wait for `upstreamDrained`. */
  send(bytes: Uint8Array): boolean {
    return this.#link ? this.#link.write(bytes) : true;
  }

  /** True while request bytes that were sent have not left. */
  get holdsRequestBytes(): boolean {
    return this.#link?.holdsBytes ?? false;
  }

  pause(): void {
    this.#link?.pause();
  }

  resume(): void {
    this.#link?.resume();
  }

  /** The downstream has taken everything that was written to it. */
  released(): void {
    this.#link?.released();
  }

  /** Forwards the downstream's FIN. */
  endRequests(): void {
    this.#ended = true;
    this.#link?.end();
  }

  /** Gives the link up without a word to the downstream. */
  drop(reset: boolean): void {
    this.#link?.destroy(reset);
    this.#link = null;
    this.#carry.release();
    this.#inBody = false;
    this.#scanner.reset();
  }

  /** Gives up a response that nobody wants to the end: its link cannot carry another call. */
  abandon(call: Call): void {
    if (this.#waiting.first !== call) return;
    this.#waiting.shift();
    this.drop(true);
  }

  /** The calls that still wait, which are no longer this half's. */
  takeWaiting(): readonly Call[] {
    return this.#waiting.takeAll();
  }

  /** Every further event of the link goes to `successor`. */
  delegateTo(successor: LinkEvents): void {
    this.#successor = successor;
  }

  data(chunk: Buffer): boolean {
    if (this.#successor) return this.#successor.data(chunk);
    const bytes = this.#carry.join(chunk);
    this.#from = 0;
    let at = 0;
    while (at < bytes.length && this.#link) {
      const call = this.#waiting.first;
      if (!call) {
        this.#unsolicited();
        break;
      }
      const next = this.#inBody ? this.#body(call, bytes, at) : this.#head(call, bytes, at);
      if (next < 0) return !this.#down.holdsBytes;
      at = next;
    }
    if (this.#link) this.#flush(bytes, at);
    return !this.#down.holdsBytes;
  }

  /** Offset behind the head, or -1 where this chunk has been dealt with. */
  #head(call: Call, bytes: Buffer, at: number): number {
    const scanner = this.#scanner;
    const length = scanner.scan(bytes, at, bytes.length);
    if (length <= 0) {
      this.#flush(bytes, at);
      if (length === 0) this.#carry.keep(bytes, at);
      else this.#malformed(call, scanner.refusal?.reason ?? "malformed response head");
      return -1;
    }
    const next = at + length;
    if (!call.sink) call.responseBytes += length; // else whoever writes it downstream counts it
    const status = scanner.status;
    if (opensTunnel(call.method, status)) {
      return this.#switch(call, bytes, at, next);
    }
    if (status < 200) {
      this.#interim(call, bytes, at, next);
      return next;
    }
    if (!call.sink) call.status = status;
    // 407 is for the client, which asks again.
    if (call.connectHead && status !== 407) {
      const answer = `${status} ${scanner.reason}`.trimEnd();
      if (this.#down.tunnelRefused(call, answer)) return -1;
    }
    const framing = scanner.framingFor(call.method);
    const contentLength = framing === "length" ? scanner.contentLength : 0;
    this.#walk.begin(framing, contentLength);
    this.#reusable = scanner.keepAlive && framing !== "until-close";
    if (call.sink) {
      this.#from = next;
      const lengthBytes = framing === "length" ? contentLength : framing === "none" ? 0 : null;
      call.sink.head(status, scanner.reason, scanner.headers, lengthBytes);
    }
    this.#inBody = true;
    if (this.#walk.done) this.#complete(call, bytes, next);
    return next;
  }

  /** 1xx: more is to come. A second 100 would be one too many for clients that begin their body with each. */
  #interim(call: Call, bytes: Buffer, at: number, next: number): void {
    const scanner = this.#scanner;
    const { status } = scanner;
    if (call.sink) {
      call.sink.interim(status, scanner.headers);
      this.#from = next;
    } else if (status === 100 && call.saidContinue) {
      this.#flush(bytes, at);
      this.#from = next;
      call.responseBytes -= next - at;
    }
    scanner.reset();
  }

  #body(call: Call, bytes: Buffer, at: number): number {
    const { sink } = call;
    const next = sink
      ? this.#walk.feed(bytes, at, bytes.length, (from, to) =>
          sink.data(Buffer.from(bytes.subarray(from, to))),
        )
      : this.#walk.feed(bytes, at, bytes.length);
    if (next < 0) {
      this.#flush(bytes, at);
      this.#malformed(call, this.#walk.refusal?.reason ?? "malformed response body");
      return -1;
    }
    if (sink) this.#from = next;
    else call.responseBytes += next - at;
    if (this.#walk.done) this.#complete(call, bytes, next);
    return next;
  }

  #complete(call: Call, bytes: Buffer, at: number): void {
    this.#waiting.shift();
    this.#inBody = false;
    this.#scanner.reset();
    if (call.sink) call.sink.end(this.#walk.trailers());
    else {
      this.#flush(bytes, at);
      this.#down.responded(call, this.#reusable);
    }
  }

  #switch(call: Call, bytes: Buffer, at: number, next: number): number {
    if (!call.mayUpgrade) {
      this.#flush(bytes, at);
      this.#malformed(
        call,
        "101 Switching Protocols to a request that asked for no upgrade (RFC 9110 §15.2.2)",
      );
      return -1;
    }
    const { status, reason, headers } = this.#scanner;
    if (call.looksAtUpgrade) call.upgradeReply = headers;
    if (call.sink) call.sink.head(status, reason, headers, 0);
    else {
      call.status = status;
      this.#flush(bytes, next);
    }
    this.#waiting.shift();
    const link = this.#link;
    this.#link = null;
    if (link) this.#down.switchToTunnel(call, link, Buffer.from(bytes.subarray(next)));
    return -1;
  }

  #flush(bytes: Buffer, to: number): void {
    if (to > this.#from)
      this.#down.toDownstream(
        this.#from === 0 && to === bytes.length ? bytes : bytes.subarray(this.#from, to),
      );
    this.#from = to;
  }

  /** Bytes that answer no request could be taken for the answer to the next one: the link is not to be trusted. */
  #unsolicited(): void {
    this.drop(false);
    this.#down.idleLinkEnded("fin");
  }

  #malformed(call: Call, reason: string): void {
    const begun = this.#inBody;
    this.drop(true);
    this.#fail(call, begun, "fin", "UPE", `the upstream broke the protocol: ${reason}; ${opaqueAdvice}`);
  }

  drain(): void {
    if (this.#successor) return this.#successor.drain();
    this.#down.upstreamDrained();
  }

  end(): void {
    if (this.#successor) return this.#successor.end();
    const call = this.#waiting.first;
    if (call && this.#inBody && this.#walk.closed()) this.#complete(call, Buffer.alloc(0), 0);
    const next = this.#waiting.first;
    // A server that is told that its client has ended ends, too, as a rule: the client gave up, and nobody else is to blame.
    if (next && this.#ended) this.#broken(next, "fin", "DC", "the client left before its reply was complete");
    else if (next)
      this.#broken(next, "fin", "UC", "the upstream closed the connection before its response was complete");
    else this.#idleEnd("fin");
  }

  close(how: LinkEnd, detail: string): void {
    if (this.#successor) return this.#successor.close(how, detail);
    if (!this.#link) return;
    this.#link = null;
    const call = this.#waiting.first;
    if (!call) this.#idleEnd(how === "closed" ? "fin" : "rst");
    else if (how === "refused") this.#broken(call, "rst", "UF", detail);
    else if (how === "timeout") this.#broken(call, "rst", "UT", detail);
    else
      this.#broken(
        call,
        how === "reset" ? "rst" : "fin",
        "UC",
        detail || "the upstream closed the connection",
      );
  }

  #idleEnd(how: "fin" | "rst"): void {
    this.drop(false);
    this.#down.idleLinkEnded(how);
  }

  #broken(call: Call, how: "fin" | "rst", flag: Flag, detail: string): void {
    const begun = this.#inBody || !this.#carry.isEmpty;
    this.drop(false);
    this.#fail(call, begun, how, flag, detail);
  }

  #fail(call: Call, begun: boolean, how: "fin" | "rst", flag: Flag, detail: string): void {
    if (call.sink) {
      this.#waiting.shift();
      call.sink.fail(how, flag, detail);
    } else this.#down.failed(call, begun, how, flag, detail);
  }
}
