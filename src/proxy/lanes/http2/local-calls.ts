// Calls that are answered here, or go on over the rich link: the stream, its reply, and what the reply takes.

import type { Connection } from "../../../core/connection.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Claim, Traffic, Undecided } from "../../../core/lane.ts";
import type { UpgradeClaim } from "../websocket/upgrade.ts";
import type { Http2Call } from "./call.ts";
import type { ConnectionWindows } from "./connection-windows.ts";
import { type FixedReplies, replyFields } from "./fixed-replies.ts";
import { flags, frame, frameTypes, headerFrames, windowUpdateFrame } from "./frames.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { peekBody } from "./peek.ts";
import type { Http2Head } from "./request-head.ts";
import { RichLink } from "./rich-link.ts";
import { failureReply, type RichRoadDeps, serveRich } from "./rich-road.ts";
import type { SendQueue } from "./send-queue.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import { LocalStream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";
import type { Wires } from "./wires.ts";

const noBytes = Buffer.alloc(0);

export interface LocalCallsDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly fixed: FixedReplies;
  readonly wires: Wires;
  readonly windows: ConnectionWindows;
  readonly settings: SettingsExchange;
  readonly table: StreamTable;
  readonly queue: SendQueue;
  readonly lifetime: { goAway(code: number, detail: string, refused: number | null): void };
}

export class LocalCalls {
  readonly #deps: LocalCallsDeps;
  readonly #road: RichRoadDeps;
  #rich: RichLink | null = null;

  constructor(deps: LocalCallsDeps) {
    this.#deps = deps;
    this.#road = {
      connection: deps.connection,
      traffic: deps.traffic,
      link: (signal) => this.#richLink(signal),
      fields: (stream, fields, endStream) => this.#sendFields(stream, fields, endStream),
      write: (stream, bytes) => deps.queue.send(stream.out, bytes),
      end: (stream) => this.#end(stream),
      reset: (stream, code) => this.#reset(stream, code),
      goAway: (code, refused) => deps.lifetime.goAway(code, "a rule says so", refused),
    };
  }

  /**
   * Takes a claimed request, or one that is to be looked at with its body. `verdict` null: nobody claims it, but rules
   * concern the messages of the WebSocket that it asks for, which `upgrade` holds.
   */
  take(
    id: number,
    endStream: boolean,
    verdict: Claim | Undecided | null,
    head: Http2Head,
    call: Http2Call,
    upgrade: UpgradeClaim | null = null,
  ): void {
    this.#deps.settings.send();
    if (!upgrade && verdict?.kind === "claim" && this.#answerFixed(id, endStream, verdict, head, call))
      return;
    const stream = this.#open(id, endStream, head, call);
    stream.upgrade = upgrade;
    if (verdict === null || verdict.kind === "claim") this.#serve(stream, verdict);
    else peekBody(stream, verdict, this.#deps.traffic, (claim) => this.#serve(stream, claim));
  }

  /** RFC 6585 §5: the head has more fields, or more octets, than the limits allow. */
  refuseHead(id: number, head: Http2Head, call: Http2Call, endStream: boolean): void {
    const detail = `the header list is larger than ${this.#deps.traffic.settings.limits.maxHeadBytes} bytes, or has too many fields`;
    call.fail("refused", "DPE", detail);
    call.status = 431;
    const stream = this.#open(id, endStream, head, call);
    stream.discards = true;
    const { headers, body } = failureReply(431, detail);
    this.#sendFields(stream, replyFields(431, headers, body.lengthBytes, null), true);
  }

  /** The request is complete. */
  endRequest(stream: LocalStream, trailers: HeaderList): void {
    stream.requestDone = true;
    stream.pipe.end(trailers);
    const { peek } = stream;
    stream.peek = null;
    peek?.(null);
  }

  /** The connection is over. */
  drop(): void {
    this.#rich?.destroy();
  }

  #open(id: number, endStream: boolean, head: Http2Head, call: Http2Call): LocalStream {
    const { settings, table, wires } = this.#deps;
    settings.send();
    const { windows } = settings;
    const stream = new LocalStream(id, call, head, windows, {
      credit: (given, bytes) => {
        wires.aside(windowUpdateFrame(given.id, bytes));
        if (!wires.feeding) wires.updateFlow();
      },
    });
    table.open.set(id, stream);
    table.lastLocal = Math.max(table.lastLocal, id);
    if (endStream) {
      stream.requestDone = true;
      stream.bodyBytes = 0;
      stream.pipe.end([]);
    } else stream.welcomeBody(windows);
    return stream;
  }

  /** The hot path of mocks: a reply that never varies. */
  #answerFixed(id: number, endStream: boolean, claim: Claim, head: Http2Head, call: Http2Call): boolean {
    const { terminal, effects } = claim.rule;
    if (terminal.kind === "relay" || !terminal.fixed || effects.length > 0) return false;
    const { windows, settings, table, wires, traffic } = this.#deps;
    const { fixed } = terminal;
    const body = head.method === "HEAD" ? noBytes : fixed.body;
    if (body.length > Math.min(windows.room, settings.client.windowBytes, windows.frameBytes)) return false;
    describeFixed(call, claim, terminal.kind, fixed.status);
    const block = this.#deps.fixed.encode(fixed, call.startedAtMs);
    call.responseBytes = block.length + body.length;
    const isEmpty = body.length === 0;
    wires.aside(headerFrames(id, isEmpty ? flags.endStream : 0, block, settings.takeTableDue()));
    if (!isEmpty) windows.send(frame(frameTypes.data, flags.endStream, id, body), body.length);
    claim.release();
    if (endStream) {
      table.lastLocal = Math.max(table.lastLocal, id);
      table.remember(id);
      call.finish(traffic);
      return true;
    }
    const stream = this.#open(id, false, head, call);
    stream.discards = true;
    stream.responseDone = true;
    return true;
  }

  #serve(stream: LocalStream, claim: Claim | null): void {
    void serveRich(stream, claim, this.#road).then(() => {
      stream.discards = true;
      if (this.#isHere(stream)) stream.settle(true);
      this.#deps.windows.pass(Number.POSITIVE_INFINITY);
    });
  }

  #richLink(signal: AbortSignal): RichLink | Promise<void> {
    const link = this.#newestLink();
    return link.hasRoom ? link : waitForRoom(link, signal);
  }

  #newestLink(): RichLink {
    const { connection, traffic } = this.#deps;
    const upstream = connection.originalDestination;
    if (!upstream) throw new UnderstudyError("connect_failed", "the connection names no destination");
    if (!this.#rich?.isUsable) this.#rich = new RichLink(traffic, upstream, connection.dial ?? traffic.dial);
    return this.#rich;
  }

  #isHere(stream: LocalStream): boolean {
    return this.#deps.table.open.get(stream.id) === stream;
  }

  #isOpen(stream: LocalStream): boolean {
    return this.#isHere(stream) && !stream.responseDone;
  }

  #sendFields(stream: LocalStream, fields: HeaderList, endStream: boolean): void {
    if (!this.#isOpen(stream)) return;
    const block = encodeLiterals(fields);
    stream.call.responseBytes += block.length;
    const due = this.#deps.settings.takeTableDue();
    this.#deps.wires.aside(headerFrames(stream.id, endStream ? flags.endStream : 0, block, due));
    if (endStream) this.#endReply(stream);
  }

  #end(stream: LocalStream): void {
    if (!this.#isOpen(stream)) return;
    this.#deps.queue.end(stream.out);
    this.#endReply(stream);
  }

  #reset(stream: LocalStream, code: number): void {
    if (this.#isHere(stream)) this.#deps.table.reset(stream.id, stream, code);
    this.#deps.wires.flushSoon();
  }

  #endReply(stream: LocalStream): void {
    stream.responseDone = true;
    stream.call.finish(this.#deps.traffic);
    stream.discards = !stream.uploads;
    this.#deps.table.closeIfDone(stream.id, stream);
  }
}

/** RFC 9113 §5.1.2: no more streams than the upstream takes at once. The client's own limit bounds how many wait. */
async function waitForRoom({ places }: RichLink, signal: AbortSignal): Promise<void> {
  await places.changes(signal);
  if (signal.aborted) places.passOn();
  signal.throwIfAborted();
}

function describeFixed(call: Http2Call, claim: Claim, kind: "mock" | "abort", status: number): void {
  call.rule = claim.rule.spec.name;
  call.outcome = kind === "mock" ? "mocked" : "aborted";
  if (kind === "abort") call.flag("FI");
  call.status = status;
  call.upstream = null;
}
