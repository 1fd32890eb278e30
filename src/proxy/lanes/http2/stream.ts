// What a session knows of one open stream: relayed on the pinned link under its own id, or answered here.

import { BodyPipe } from "../body-pipe.ts";
import type { UpgradeClaim } from "../websocket/upgrade.ts";
import type { Http2Call } from "./call.ts";
import type { Http2Head } from "./request-head.ts";
import { Outgoing } from "./send-queue.ts";

/** Goes through on the pinned link; only its borders are watched. */
export class RelayedStream {
  readonly kind = "relayed";
  readonly call: Http2Call;
  requestDone = false;
  responseDone = false;
  /** A final response head has passed. */
  responded = false;
  /** Octets of the request body that its head announced and that have not come; null: not announced. */
  bodyLeft: number | null;
  /** The same of the response's body. */
  responseLeft: number | null = null;
  /** As of its head, which is not kept: a stream may live for days. */
  readonly grpcType: string | null;

  constructor(call: Http2Call, head: Http2Head) {
    this.call = call;
    this.grpcType = head.grpcType;
    this.bodyLeft = head.contentLength;
  }
}

/** What a stream that is answered here asks of its connection. */
export interface CreditPort {
  /** Lets the client send so many more octets on the stream. */
  credit(stream: LocalStream, bytes: number): void;
}

/** The windows that a stream begins with. */
export interface StreamWindows {
  readonly send: number;
  /** What the client may take for it. */
  readonly receive: number;
  /** What it is once the client has all our SETTINGS. */
  readonly leastReceive: number;
}

/** Credit below this is saved up. */
const creditStepBytes = 16_384;
/** The least window that a stream has which is answered here: an upstream that grants each upload its own never sees it. */
const leastWindowBytes = 65_535;

/** Answered here, or relayed on the link for claimed calls. */
export class LocalStream {
  readonly kind = "local";
  readonly id: number;
  readonly call: Http2Call;
  readonly head: Http2Head;
  readonly out: Outgoing;
  readonly pipe: BodyPipe;
  readonly abort = new AbortController();
  requestDone = false;
  responseDone = false;
  /** Octets that the client may still send. */
  windowBytes: number;
  /** Octets that came and were not credited: nobody has read them yet. */
  owedBytes = 0;
  /** Takes the payload in place of the pipe, while no rule has decided; null: nobody. */
  peek: ((payload: Buffer | null) => void) | null = null;
  /** Rules on the messages of the WebSocket that it is; null: none. */
  upgrade: UpgradeClaim | null = null;
  /** What comes is read by nobody. */
  discards = false;
  /** What comes goes to the upstream, even behind its reply. */
  uploads = false;
  bodyLeft: number | null;
  /** Length of the body, where it is known; null: not. */
  bodyBytes: number | null;
  readonly #port: CreditPort;
  #full = false;

  constructor(id: number, call: Http2Call, head: Http2Head, windows: StreamWindows, port: CreditPort) {
    this.id = id;
    this.call = call;
    this.head = head;
    this.bodyLeft = head.contentLength;
    this.bodyBytes = head.contentLength;
    this.out = new Outgoing(id, windows.send);
    this.windowBytes = windows.receive;
    this.#port = port;
    this.pipe = new BodyPipe({ start: () => this.#wants(true), stop: () => this.#wants(false) });
  }

  /** A DATA frame of `frameBytes` came, padding included; its payload goes to `payload`. */
  received(frameBytes: number): void {
    this.windowBytes -= frameBytes;
    this.owedBytes += frameBytes;
  }

  payload(bytes: Buffer): void {
    if (this.discards) return;
    if (this.peek !== null) this.peek(bytes);
    else this.pipe.push(bytes);
  }

  /** Credits what has been read; `all`: however little. */
  settle(all: boolean): void {
    const blocked = this.#full && this.peek === null && !this.discards;
    if (this.requestDone || blocked || this.owedBytes === 0) return;
    if (!all && this.owedBytes < creditStepBytes) return;
    const bytes = this.owedBytes;
    this.owedBytes = 0;
    this.#grant(bytes);
  }

  /** The client sends a body: it may send some of it at once, whatever its window is. */
  welcomeBody({ leastReceive }: StreamWindows): void {
    this.#grant(lackOf(leastReceive));
  }

  /** SETTINGS change the windows of all streams (RFC 9113 §6.9.2) from `before` to `after`, and are on their way. */
  resizeWindow(before: number, after: number): void {
    if (after > before) this.windowBytes += after - before;
    const lack = lackOf(after) - lackOf(before);
    // Behind the SETTINGS: together with the window of before it might be more than a window can be.
    if (lack > 0) queueMicrotask(() => this.#grant(lack));
  }

  #grant(bytes: number): void {
    if (this.requestDone || bytes <= 0) return;
    this.windowBytes += bytes;
    this.#port.credit(this, bytes);
  }

  #wants(more: boolean): void {
    this.#full = !more;
    if (more) this.settle(true);
  }
}

function lackOf(windowBytes: number): number {
  return Math.max(0, leastWindowBytes - windowBytes);
}

/** What is left of an announced body behind `bytes` of it; -1 where that is not what was announced (RFC 9113 §8.1.1). */
export function bodyLeftAfter(left: number, bytes: number, ends: boolean): number {
  return ends && left !== bytes ? -1 : left - bytes;
}

export type Http2Stream = RelayedStream | LocalStream;
