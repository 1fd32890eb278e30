// How long a connection lives: its deadlines, GOAWAY in both meanings (RFC 9113 §6.8), and its end.
//
//   open ──drain, idle, the upstream's GOAWAY──► finishing ──last stream ends──► closing ──linger──► gone
//     └────────────a fault of a peer─────────────────────────────────────────────►┘

import type { Connection } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Flag } from "../../../core/tap.ts";
import { Http2Call } from "./call.ts";
import type { ClientHalf } from "./client-half.ts";
import { errorCodes, goAwayFrame, maxWindowBytes } from "./frames.ts";
import { Http2Head } from "./request-head.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import { LocalStream, RelayedStream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";
import type { UpstreamHalf } from "./upstream-half.ts";
import type { Wires } from "./wires.ts";

/** For the upstream's SETTINGS, before the client gets empty ones. */
const settingsGraceMs = 250;
/** For a client to read our last words and close. */
const lingerMs = 2_000;

export interface LifetimeDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly client: ClientHalf;
  readonly up: UpstreamHalf;
  readonly fromUpstream: { readonly gone: boolean; readonly isGoingAway: boolean; connect(): void };
  readonly wires: Wires;
  readonly settings: SettingsExchange;
  readonly table: StreamTable;
  readonly local: { drop(): void };
}

export class Lifetime implements Deadlined {
  deadlineAt = 0;
  seat = -1;
  goAwaySent = false;
  readonly #deps: LifetimeDeps;
  #progressAt = 0;
  #settingsBy = Number.POSITIVE_INFINITY;
  #headBegunAt = -1;
  #clientEnded = false;
  #disownedAbove = maxWindowBytes;

  constructor(deps: LifetimeDeps) {
    this.#deps = deps;
    const { clock, settings } = deps.traffic;
    this.deadlineAt = clock.now() + settings.deadlines.idleMs;
  }

  // ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes of the client have been read. */
  heard(now: number): void {
    const { client, settings, fromUpstream } = this.#deps;
    const { insideHead } = client;
    if (!insideHead) this.#headBegunAt = -1;
    else if (this.#headBegunAt < 0) this.#headBegunAt = now;
    this.closeWhenDone();
    if (settings.sent || insideHead || this.#settingsBy !== Number.POSITIVE_INFINITY) return;
    // A client that says nothing more waits for the upstream's SETTINGS: it gets them, or in time empty ones.
    this.#settingsBy = now + settingsGraceMs;
    fromUpstream.connect();
  }

  setDeadline(now: number, progressAt = now): void {
    const { traffic, wires, table, settings } = this.#deps;
    const { headMs, idleMs, responseMs, opaqueIdleMs } = traffic.settings.deadlines;
    this.#progressAt = progressAt;
    if (wires.closing) return;
    let at =
      table.open.size === 0
        ? progressAt + idleMs
        : Math.max(now, progressAt) + Math.min(responseMs, opaqueIdleMs);
    if (this.#headBegunAt >= 0) at = Math.min(at, this.#headBegunAt + headMs);
    if (!settings.sent) at = Math.min(at, this.#settingsBy);
    this.deadlineAt = at;
  }

  expire(): void {
    const { traffic, wires, connection, settings, table } = this.#deps;
    const now = traffic.clock.now();
    const { headMs, idleMs, opaqueIdleMs } = traffic.settings.deadlines;
    if (wires.closing) return void connection.socket.destroy();
    if (!settings.sent && now >= this.#settingsBy) settings.send();
    if (this.#headBegunAt >= 0 && now >= this.#headBegunAt + headMs) {
      const reason = `a frame or head was not complete after ${headMs} ms`;
      return this.refuse(errorCodes.enhanceYourCalm, reason, "SI");
    }
    if (table.open.size === 0 && now >= this.#progressAt + idleMs) {
      this.#sayGoAway(errorCodes.none, "idle");
      return this.closeWhenDone();
    }
    this.#expireResponses(now);
    if (now >= this.#progressAt + opaqueIdleMs)
      return this.refuse(errorCodes.none, `no byte in either direction for ${opaqueIdleMs} ms`, "SI");
    wires.flush();
    this.setDeadline(now, this.#progressAt);
  }

  #expireResponses(now: number): void {
    const { table, traffic } = this.#deps;
    const { responseMs } = traffic.settings.deadlines;
    if (now < this.#progressAt + responseMs) return;
    for (const [id, stream] of table.open.entries()) {
      if (!(stream instanceof RelayedStream) || stream.responded || !stream.requestDone) continue;
      if (now < stream.call.startedAt + responseMs) continue;
      stream.call.fail("failed", "UT", `no byte of the response for ${responseMs} ms`);
      table.reset(id, stream, errorCodes.cancel);
    }
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** RFC 9113 §6.8: what is open goes on; what comes now belongs on another connection. */
  drain(): void {
    const { wires } = this.#deps;
    if (wires.gone || wires.closing) return;
    this.#sayGoAway(errorCodes.none, "");
    this.closeWhenDone();
  }

  /**
   * A last word to a client that shall dial anew; what is open goes on. `refused`: a stream that is disowned where no later
   * one is open, since some clients send only that again by themselves, and not what is reset (gRPC's C core).
   */
  goAway(code: number, detail: string, refused: number | null): void {
    const { wires, client } = this.#deps;
    if (wires.gone || wires.closing) return;
    if (refused === client.lastStream)
      this.#disownedAbove = Math.min(this.#disownedAbove, Math.max(0, refused - 2));
    this.#sayGoAway(code, detail);
    if (!wires.feeding) wires.flushSoon();
  }

  /** The last open stream has ended; `now` on `clock.now()`. */
  idle(now: number): void {
    this.setDeadline(now);
    this.closeWhenDone();
  }

  /** The client sends nothing more; what it has asked for is still answered. */
  clientEnded(): void {
    if (this.#clientEnded) return;
    this.#clientEnded = true;
    const { table, up, wires } = this.#deps;
    for (const [id, stream] of table.open.entries()) {
      if (!(stream instanceof LocalStream) || stream.requestDone) continue;
      stream.pipe.fail(
        new UnderstudyError("body_cut", `the client ended inside the request of stream ${id}`),
      );
      stream.requestDone = true; // nothing more comes
      table.closeIfDone(id, stream);
    }
    if (up.isDialled && !wires.closing) up.endRequests();
    this.closeWhenDone();
  }

  clientClosed(): void {
    const { wires, traffic, settings, client, table, up, local } = this.#deps;
    if (wires.gone) return;
    wires.gone = true;
    traffic.deadlines.remove(this);
    settings.stop();
    client.stop();
    const cut = table.open.size > 0;
    table.abandonAll("DC", "the client left before its reply was complete");
    up.drop(cut);
    local.drop();
  }

  /** The connection cannot go on: GOAWAY, and every open call fails for this reason. */
  refuse(code: number, reason: string, flag: Flag = "DPE"): void {
    const { wires, table, client } = this.#deps;
    if (wires.closing || wires.gone) return;
    const outcome = flag === "DPE" ? "refused" : "failed";
    if (table.open.size === 0) this.#tellOfRefusal(outcome, flag, reason);
    for (const [, stream] of table.open.entries()) stream.call.fail(outcome, flag, reason);
    this.#sayGoAway(code, reason);
    client.stop();
    this.#close(true);
  }

  /** No call stands for what went wrong, so one is told of that has nothing but the reason. */
  #tellOfRefusal(outcome: "refused" | "failed", flag: Flag, reason: string): void {
    const { connection, traffic } = this.#deps;
    const call = new Http2Call(connection, new Http2Head([], 0), traffic, traffic.clock.now());
    call.fail(outcome, flag, reason);
    call.finish(traffic);
  }

  #sayGoAway(code: number, detail: string): void {
    const { settings, wires, client } = this.#deps;
    if (this.goAwaySent && code === errorCodes.none) return;
    settings.send();
    this.goAwaySent = true;
    wires.aside(goAwayFrame(this.#lastStreamOf(client.lastStream), code, detail));
  }

  /** The upstream's GOAWAY, in terms of what the client has here. */
  passGoAway(lastStream: number, code: number, detail: string): void {
    this.#deps.wires.aside(goAwayFrame(this.#lastStreamOf(lastStream), code, detail));
  }

  /** RFC 9113 §6.8: what has been disowned once is never owned again. */
  #lastStreamOf(given: number): number {
    this.#disownedAbove = Math.min(this.#disownedAbove, given);
    return this.#disownedAbove;
  }

  /** After GOAWAY, or when a side has ended: the connection lasts as long as its streams. */
  closeWhenDone(): void {
    const { fromUpstream, wires, up, table } = this.#deps;
    const ending = this.#clientEnded || fromUpstream.gone || (this.goAwaySent && !fromUpstream.isGoingAway);
    if (!ending || wires.closing || wires.gone) return;
    if (wires.feeding || up.feeding) return; // what has passed is to be written first; whoever reads asks again
    const relayedLeft = up.isDialled && !fromUpstream.gone;
    if (table.open.size > 0 && (table.hasLocal || relayedLeft)) return;
    if (!up.held.isEmpty) return;
    if (this.#clientEnded && relayedLeft) return; // it hears our FIN, and ends
    this.#close(false);
  }

  /** FIN, then patience while the client reads. `reset`: the upstream is cut, too. */
  #close(reset: boolean): void {
    const { wires, table, traffic, up, local, connection } = this.#deps;
    if (wires.closing || wires.gone) return;
    wires.flush();
    wires.closing = true;
    table.abandonAll("UC", "the upstream ended the connection");
    this.deadlineAt = traffic.clock.now() + lingerMs;
    up.drop(reset);
    local.drop();
    const { socket } = connection;
    socket.end();
    if (socket.isPaused()) socket.resume();
  }
}
