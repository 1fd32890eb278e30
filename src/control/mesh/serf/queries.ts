// Questions to all members at once: each is told on like any news, and whom it is meant for answers straight to the asker.

import type { HostPort } from "../../../core/address.ts";
import type { Clock, Timer } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import type { SwimMember } from "../swim/member.ts";
import { hostOfBytes } from "../wire/ip-bytes.ts";
import {
  type QueryMessage,
  type QueryResponseMessage,
  queryFlag,
  queryResponseStruct,
  queryStruct,
  responseFlag,
  serfType,
  userMessage,
} from "../wire/serf-messages.ts";
import { LamportClock } from "./lamport-clock.ts";
import { filterByNames, passes } from "./query-filter.ts";
import { SeenTimes } from "./seen-times.ts";
import type { Tags } from "./tags.ts";

/** What peers accept at most, of a query and of a response. */
export const maxQueryBytes = 1_024;
/** Own queries that wait for responses at once. */
const maxOpen = 64;
/** Responses to one query. */
const maxResponses = 65_536;
const nanosecondsPerMs = 1e6;

export interface QueryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly self: () => SwimMember;
  readonly tags: () => Tags;
  readonly broadcast: (message: Buffer) => void;
  readonly sendTo: (to: HostPort, message: Buffer) => void;
  /** Calls `respond` at most once; not at all: this member has no answer. */
  readonly answer: (query: MeshQuestion, respond: (payload: Buffer) => void) => void;
}

/** A question of another member. */
export interface MeshQuestion {
  readonly name: string;
  readonly payload: Buffer;
  readonly from: string;
}

export interface QueryOptions {
  readonly timeoutMs: number;
  /** Left out: everybody. */
  readonly members?: readonly string[];
}

export interface QueryAnswer {
  readonly from: string;
  readonly payload: Uint8Array;
}

interface Open {
  readonly timer: Timer;
  readonly answers: Map<string, Buffer>;
  readonly id: number;
}

export class Queries {
  readonly #deps: QueryDeps;
  readonly #seen = new SeenTimes<true>();
  readonly #open = new Map<number, Open>();
  readonly clock = new LamportClock();

  constructor(deps: QueryDeps) {
    this.#deps = deps;
  }

  /** `done` gets all answers when the time is up; false: too many queries are open, or this one is too large. */
  ask(name: string, payload: Buffer, options: QueryOptions, done: (answers: QueryAnswer[]) => void): boolean {
    const { clock, random, self, broadcast } = this.#deps;
    const { addr, port, name: SourceNode } = self();
    const LTime = this.clock.increment();
    const query: QueryMessage = {
      LTime,
      ID: random.uint32(),
      Addr: addr,
      Port: port,
      SourceNode,
      Filters: options.members === undefined ? [] : [filterByNames(options.members)],
      Flags: 0,
      RelayFactor: 0,
      Timeout: options.timeoutMs * nanosecondsPerMs,
      Name: name,
      Payload: payload,
    };
    const message = userMessage(serfType.query, queryStruct, query);
    if (this.#open.size >= maxOpen || message.length > maxQueryBytes) return false;
    const finish = () => {
      const open = this.#open.get(LTime);
      this.#open.delete(LTime);
      done([...(open?.answers ?? [])].map(([from, answer]) => ({ from, payload: answer })));
    };
    const timer = clock.after(options.timeoutMs, finish, { background: true });
    this.#open.set(LTime, { timer, answers: new Map(), id: query.ID });
    this.received(query);
    broadcast(message);
    return true;
  }

  /** True where the query is news, and to be told on. */
  received(query: QueryMessage): boolean {
    this.clock.witness(query.LTime);
    if (!this.#seen.isNews(query.LTime, String(query.ID), true, this.clock.time)) return false;
    const { self, tags, answer } = this.#deps;
    const { name } = self();
    if (passes(query.Filters, name, tags())) {
      if (query.Flags & queryFlag.ackWanted) this.#respond(query, responseFlag.ack, Buffer.alloc(0));
      const question = { name: query.Name, payload: Buffer.from(query.Payload), from: query.SourceNode };
      answer(question, (payload) => this.#respond(query, 0, payload));
    }
    return (query.Flags & queryFlag.noRebroadcast) === 0;
  }

  responded(response: QueryResponseMessage): void {
    const open = this.#open.get(response.LTime);
    if (open === undefined || open.id !== response.ID || response.Flags & responseFlag.ack) return;
    if (open.answers.size < maxResponses && !open.answers.has(response.From))
      open.answers.set(response.From, Buffer.from(response.Payload));
  }

  ignoreBefore(time: number): void {
    this.#seen.ignoreBefore(time);
  }

  stop(): void {
    for (const { timer } of this.#open.values()) timer.cancel();
    this.#open.clear();
  }

  #respond(query: QueryMessage, Flags: number, Payload: Buffer): void {
    const { self, sendTo } = this.#deps;
    const response: QueryResponseMessage = {
      LTime: query.LTime,
      ID: query.ID,
      From: self().name,
      Flags,
      Payload,
    };
    if (query.SourceNode === response.From) return this.responded(response);
    const host = hostOfBytes(query.Addr);
    const message = userMessage(serfType.queryResponse, queryResponseStruct, response);
    if (host === null || query.Port === 0 || message.length > maxQueryBytes) return;
    sendTo({ host, port: query.Port }, message);
  }
}
