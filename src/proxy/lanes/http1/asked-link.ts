// A link through a tunnel that a forward proxy is asked for.
//
//   dial the proxy ──► CONNECT ──2xx──► open
//                        └── any other answer, none in time, or a connection that ends: refused, or timeout, and why

import { formatHostPort, type HostPort } from "../../../core/address.ts";
import type { Clock, Timer } from "../../../core/clock.ts";
import type { Dial, Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { Carry } from "./carry.ts";
import type { HeadLimits } from "./request-scanner.ts";
import { ResponseScanner } from "./response-scanner.ts";

/** How the proxy is reached, and asked. */
export interface TunnelRequest {
  readonly proxy: HostPort;
  readonly dial: Dial;
  /** CONNECT, whole. */
  readonly head: Buffer;
}

export interface AskedLinkDeps {
  readonly clock: Clock;
  readonly limits: HeadLimits;
  /** For the answer. */
  readonly connectMs: number;
}

export class AskedLink implements Link {
  readonly upstream: HostPort;
  readonly #proxy: HostPort;
  readonly #events: LinkEvents;
  readonly #link: Link;
  readonly #timer: Timer;
  readonly #carry = new Carry();
  /** null: the tunnel is open. */
  #answer: ResponseScanner | null;
  /** What was written before; bounded, because write() answers false. */
  #queue: Uint8Array[] = [];
  #ended = false;
  #gone = false;

  constructor(upstream: HostPort, events: LinkEvents, request: TunnelRequest, deps: AskedLinkDeps) {
    const { proxy, dial, head } = request;
    const { clock, limits, connectMs } = deps;
    this.upstream = upstream;
    this.#proxy = proxy;
    this.#events = events;
    this.#answer = new ResponseScanner(limits);
    this.#timer = clock.after(connectMs, () =>
      this.#fail("timeout", `did not answer within ${connectMs} ms`),
    );
    this.#link = dial(proxy, {
      data: (chunk) => this.#gone || this.#read(chunk),
      drain: () => this.#answer ?? events.drain(),
      end: () => this.#upstreamEnded(),
      close: (how, detail) => this.#finish(this.#answer && how !== "timeout" ? "refused" : how, detail),
    });
    this.#link.write(head);
  }

  #read(chunk: Buffer): boolean {
    const answer = this.#answer;
    if (answer === null) return this.#events.data(chunk);
    const bytes = this.#carry.join(chunk);
    const length = answer.scan(bytes, 0, bytes.length);
    if (length === 0) this.#carry.keep(bytes, 0);
    else if (length < 0)
      this.#fail("refused", `broke the protocol: ${answer.refusal?.reason ?? "malformed"}`);
    else return this.#answered(answer, bytes.subarray(length));
    return true;
  }

  #answered(answer: ResponseScanner, rest: Buffer): boolean {
    const { status, reason } = answer;
    if (status >= 300) this.#fail("refused", `answered ${status} ${reason}`.trimEnd());
    else if (status >= 200) this.#open();
    answer.reset(); // of an interim response: more is to come
    return this.#gone || rest.length === 0 || this.#read(rest);
  }

  #open(): void {
    this.#answer = null;
    this.#timer.cancel();
    const waited = this.#queue.length > 0;
    for (const chunk of this.#queue) this.#link.write(chunk);
    this.#queue = [];
    if (this.#ended) this.#link.end();
    else if (waited) this.#events.drain();
  }

  #upstreamEnded(): void {
    if (this.#answer) this.#fail("refused", "ended the connection");
    else if (!this.#gone) this.#events.end();
  }

  #fail(how: "refused" | "timeout", what: string): void {
    if (this.#gone) return;
    this.#link.destroy(false);
    const asked = `asked for a tunnel to ${formatHostPort(this.upstream)}`;
    this.#finish(how, `the proxy ${formatHostPort(this.#proxy)}, ${asked}, ${what}`);
  }

  #finish(how: LinkEnd, detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#timer.cancel();
    this.#events.close(how, detail);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#gone) return true;
    if (this.#answer === null) return this.#link.write(chunk);
    this.#queue.push(chunk);
    return false;
  }

  get holdsBytes(): boolean {
    return this.#answer ? this.#queue.length > 0 : this.#link.holdsBytes;
  }

  end(): void {
    this.#ended = true;
    if (this.#answer === null) this.#link.end();
  }

  pause(): void {
    if (this.#answer === null) this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  released(): void {
    this.#link.released();
  }

  destroy(reset: boolean): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#timer.cancel();
    this.#link.destroy(reset);
  }
}
