// The calls of a rich link: their ids, which only grow (RFC 9113 §5.1.1), their requests on the way out, and the ends that
// a call can come to. A place that gets free goes to whoever waits for it.

import { UnderstudyError } from "../../../core/errors.ts";
import type { Exchange } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import { http2CodeText } from "../../../core/http2-codes.ts";
import type { Flag } from "../../../core/tap.ts";
import { errorCodes, flags, headerFrames, maxWindowBytes, resetFrame, windowUpdateFrame } from "./frames.ts";
import { defaultTableBytes } from "./hpack/dynamic-table.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { requestFields } from "./request-fields.ts";
import { fieldsForHttp2 } from "./request-head.ts";
import { type RichCallEvents, RichStream } from "./rich-stream.ts";
import { type SendPort, SendQueue } from "./send-queue.ts";
import { StreamMap } from "./stream-map.ts";
import { StreamRoom } from "./stream-room.ts";

/** Credit below this is saved up. */
const creditStepBytes = 16_384;

/** What the link does for its calls. */
export interface RichCallsPort extends SendPort {
  write(frames: Buffer): void;
}

export class RichCalls {
  readonly queue: SendQueue;
  /** Who waits for the upstream to take another stream. */
  readonly places = new StreamRoom();
  readonly #port: RichCallsPort;
  readonly #streams = new StreamMap<RichStream>();
  #nextId = 1;
  #tableBytes = defaultTableBytes;
  /** A smaller table that the next block must begin with (RFC 7541 §4.2); -1: none. */
  #tableDue = -1;

  constructor(port: RichCallsPort) {
    this.#port = port;
    this.queue = new SendQueue(port);
  }

  get open(): number {
    return this.#streams.size;
  }

  get(id: number): RichStream | undefined {
    return this.#streams.get(id);
  }

  /** The same where the reply is not complete. */
  unanswered(id: number): RichStream | undefined {
    const stream = this.#streams.get(id);
    return stream?.replied ? undefined : stream;
  }

  /** RFC 9113 §5.1: neither the upstream nor we have opened it. */
  isIdle(id: number): boolean {
    return id === 0 || (id & 1) === 0 || id >= this.#nextId;
  }

  /** Sends the request; `windowBytes`: what the upstream takes of its body. */
  ask(
    exchange: Exchange,
    connectProtocol: string | null,
    windowBytes: number,
    events: RichCallEvents,
  ): RichStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new RichStream(id, windowBytes, exchange.head.method, events, (given) =>
      this.credit(given, true),
    );
    this.#streams.set(id, stream);
    const isEmpty = exchange.body.lengthBytes === 0;
    stream.sent = isEmpty;
    const block = this.#blockOf(requestFields(exchange, connectProtocol));
    this.#port.write(headerFrames(id, isEmpty ? flags.endStream : 0, block));
    if (!isEmpty) void this.#sendBody(exchange, stream);
    return stream;
  }

  async #sendBody(exchange: Exchange, stream: RichStream): Promise<void> {
    const { out } = stream;
    const isOpen = () => !stream.failed && this.#streams.get(out.id) === stream;
    try {
      for await (const chunk of exchange.body.chunks()) {
        if (!isOpen()) return;
        await this.queue.send(out, chunk);
      }
      if (!isOpen()) return;
      const trailers = fieldsForHttp2(exchange.body.trailers());
      if (trailers.length === 0) this.queue.end(out);
      else this.#port.write(headerFrames(out.id, flags.endStream, this.#blockOf(trailers)));
      stream.sent = true;
      if (stream.replied) this.leave(stream);
    } catch {
      if (isOpen()) this.#cancel(stream, "DC", "the request body was cut");
    }
  }

  // ── the upstream's header table ──────────────────────────────────────────────────────────────────────────────────

  /** The upstream's SETTINGS_HEADER_TABLE_SIZE. We put nothing into its table; but that it is smaller must be said. */
  allowTable(bytes: number): void {
    if (bytes < this.#tableBytes)
      this.#tableDue = this.#tableDue < 0 ? bytes : Math.min(bytes, this.#tableDue);
    this.#tableBytes = bytes;
  }

  #blockOf(fields: HeaderList): Buffer {
    const due = this.#tableDue;
    this.#tableDue = -1;
    return encodeLiterals(fields, due);
  }

  // ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets the upstream send on what has been read of the reply; `all`: however little. */
  credit(stream: RichStream, all: boolean): void {
    if (stream.owedBytes === 0 || stream.full || !this.#streams.has(stream.out.id)) return;
    if (!all && stream.owedBytes < creditStepBytes) return;
    this.#port.write(windowUpdateFrame(stream.out.id, stream.owedBytes));
    stream.owedBytes = 0;
  }

  /** The upstream's SETTINGS change all windows (RFC 9113 §6.9.2). False: one is larger than any may be. */
  resizeWindows(change: number): boolean {
    for (const [, { out }] of this.#streams.entries()) {
      out.windowBytes += change;
      if (out.windowBytes > maxWindowBytes) return false;
    }
    return true;
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The reply is complete; the request goes on where it is not. */
  replied(stream: RichStream): void {
    stream.replied = true;
    if (stream.sent) this.leave(stream);
  }

  /** The stream is over: its place is free. */
  leave(stream: RichStream): void {
    this.#streams.delete(stream.out.id);
    this.queue.remove(stream.out);
    stream.over();
    this.places.passOn();
  }

  /** For a reply that is complete: resolves when the rest of its request is out, or given up. */
  async whenSent(reply: Promise<unknown> | null): Promise<void> {
    const stream = this.#find(reply);
    if (stream?.replied) await stream.whenOver();
  }

  #find(reply: Promise<unknown> | null): RichStream | null {
    return this.#streams.places.find((place) => place !== null && place.reply === reply) ?? null;
  }

  /** Nobody wants the reply any more. */
  abandon(reply: Promise<unknown> | null): void {
    const stream = this.#find(reply);
    if (stream) this.#reset(stream, errorCodes.cancel);
  }

  /** The client has reset its stream: the upstream hears so at once, and whoever waits for the reply or its rest. */
  clientLeft(reply: Promise<unknown> | null): void {
    const stream = this.#find(reply);
    if (stream) this.#cancel(stream, "DC", "the client left");
  }

  malformed(stream: RichStream, flaw: string): void {
    this.#reset(stream, errorCodes.protocol);
    this.#fail(stream, "UPE", `the upstream sent a malformed response: ${flaw}`);
  }

  resetByUpstream(stream: RichStream, code: number): void {
    this.leave(stream);
    stream.resetBy(code);
    this.#fail(stream, "UC", `the upstream reset the stream with ${http2CodeText(code)}`);
  }

  /** RFC 9113 §6.8: streams above `last` were never looked at. */
  disown(last: number): void {
    for (const [id, stream] of this.#streams.entries()) {
      if (id <= last) continue;
      stream.resetBy(errorCodes.refusedStream);
      this.#cancel(stream, "UC", "the upstream is going away");
    }
  }

  /** The link is over, and so are its calls. `flag` null: nobody is told, because it was us who ended it. */
  endAll(flag: Flag | null, detail: string): void {
    const streams = this.#streams.entries();
    this.#streams.clear();
    for (const [, stream] of streams) {
      this.queue.remove(stream.out);
      stream.over();
      if (flag !== null) this.#fail(stream, flag, detail);
    }
    this.places.wakeAll();
  }

  #cancel(stream: RichStream, flag: Flag, detail: string): void {
    this.#reset(stream, errorCodes.cancel);
    this.#fail(stream, flag, detail);
  }

  #reset(stream: RichStream, code: number): void {
    this.leave(stream);
    stream.failed = true;
    this.#port.write(resetFrame(stream.out.id, code));
  }

  #fail(stream: RichStream, flag: Flag, detail: string): void {
    if (!stream.replied) stream.fail(flag, detail, errorFor(flag, detail));
  }
}

/** How a call that failed so is rejected. */
export function errorFor(flag: Flag, detail: string): UnderstudyError {
  const code = flag === "UF" ? "connect_failed" : flag === "UT" ? "connect_timeout" : "body_cut";
  return new UnderstudyError(code, detail);
}
