// One member as Serf has it: on top of the membership protocol, intents that tell leaving from failing, tags, user events,
// queries with rotation of keys, and a job that looks for failed members, without which a partition would never heal.

import { randomBytes } from "node:crypto";
import type { HostPort } from "../../../core/address.ts";
import type { Clock, Timer } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import type { StreamDropReason } from "../swim/exchanges.ts";
import type { SwimMember } from "../swim/member.ts";
import { SwimNode, type SwimNodeDeps, type UpperLayer } from "../swim/swim-node.ts";
import { hostOfBytes } from "../wire/ip-bytes.ts";
import { type Alive, messageType } from "../wire/messages.ts";
import { MsgpackReader } from "../wire/msgpack-reader.ts";
import {
  joinIntentStruct,
  leaveIntentStruct,
  queryResponseStruct,
  queryStruct,
  relayHeaderStruct,
  type SerfState,
  serfStateStruct,
  serfType,
  userEventStruct,
  userMessage,
} from "../wire/serf-messages.ts";
import { attempt } from "../wire/wire-fault.ts";
import { fetchAnswer, fetchRequest, nonceBytes, readFetchAnswer, readFetchRequest } from "./fetches.ts";
import { answerKeyQuery, keyOperationOf } from "./key-requests.ts";
import { LamportClock } from "./lamport-clock.ts";
import { type MeshQuestion, Queries } from "./queries.ts";
import { type MeshMember, Roster, type RosterEvent } from "./roster.ts";
import { decodeTags, encodeTags, type Tags } from "./tags.ts";
import { type MeshBroadcast, UserEvents } from "./user-events.ts";

export type MeshEvent =
  | { readonly kind: RosterEvent; readonly member: MeshMember }
  | { readonly kind: "broadcast"; readonly broadcast: MeshBroadcast }
  /** Another member claims the name of `member`, from `claimedFrom`. */
  | { readonly kind: "conflict"; readonly member: string; readonly claimedFrom: HostPort }
  /** Keys were installed, put to use or removed from afar: these are in use now, the primary first. */
  | { readonly kind: "keys"; readonly keys: readonly Uint8Array[] };

/** What came in and was not used, by reason; and how the member fared. */
export interface MeshCounters {
  readonly dropped: Readonly<Record<string, number>>;
  readonly suspicions: number;
  readonly refutations: number;
  readonly probes: number;
  /** Nobody answered in time. */
  readonly failedProbes: number;
}

export interface SerfNodeDeps extends Omit<SwimNodeDeps, "upper"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: (event: MeshEvent) => void;
  readonly answers: MeshAnswers;
}

/** What this member says to others. Neither throws; what is answered too late is dropped. */
export interface MeshAnswers {
  /** `respond` may be called once: not at all where there is no answer. 1 KiB at most with what surrounds it. */
  query(question: MeshQuestion, respond: (payload: Uint8Array) => void): void;
  /** `respond` is called once; null: there is no answer. */
  fetch(question: MeshQuestion, respond: (payload: Uint8Array | null) => void): void;
}

/** A failed member is tried again about so often. */
const reconnectMs = 30_000;
/** An intent, and the leave itself, are told for so long at most. */
const tellMs = 5_000;
/** After the leave was told: for those who heard it to tell it on. */
const propagateMs = 1_000;

export class SerfNode {
  readonly #deps: SerfNodeDeps;
  readonly #clock = new LamportClock();
  readonly #events: UserEvents;
  readonly #dropped: Record<string, number> = {};
  #suspicions = 0;
  #refutations = 0;
  #reconnectTimer: Timer | null = null;
  #tags: Tags;
  readonly queries: Queries;
  readonly roster: Roster;
  readonly swim: SwimNode;

  constructor(deps: SerfNodeDeps) {
    this.#deps = deps;
    this.#tags = decodeTags(deps.self.Meta);
    this.roster = new Roster(deps.clock, deps.self.Node, (kind, member) => deps.tell({ kind, member }));
    this.swim = new SwimNode({ ...deps, upper: this.#upperLayer() });
    const broadcast = (message: Buffer) => this.swim.broadcast(null, message);
    this.#events = new UserEvents({
      broadcast,
      deliver: (event) => deps.tell({ kind: "broadcast", broadcast: event }),
    });
    this.queries = new Queries({
      clock: deps.clock,
      random: deps.random,
      self: () => this.swim.membership.self,
      tags: () => this.#tags,
      broadcast,
      sendTo: (to, message) => this.swim.sendTo(to, message),
      answer: (question, respond) => this.#answerQuery(question, respond),
    });
    for (const member of this.swim.membership.list.all()) this.roster.joined(member);
  }

  start(): void {
    this.swim.start();
    this.#scheduleReconnect();
  }

  stop(): void {
    this.#reconnectTimer?.cancel();
    this.queries.stop();
    this.swim.stop();
  }

  /** Exchanges states with a member and tells that we joined. `done` gets null, or what went wrong. */
  join(to: HostPort, done: (problem: string | null) => void): void {
    this.swim.pushPull(to, true, (problem) => {
      if (problem === null) this.#tellJoin();
      done(problem);
    });
  }

  /** Throws `bad_message` where the tags are too large. */
  setTags(tags: Tags): void {
    const meta = encodeTags(tags);
    this.#tags = tags;
    this.swim.membership.setMeta(meta);
    this.roster.updated(this.swim.membership.self);
  }

  /** Throws `bad_message` where it is too large. */
  broadcast(name: string, payload: Uint8Array): void {
    this.#events.send(name, payload);
  }

  /** Asks one member; `done` gets its answer, null where it has none, or what went wrong. Throws `bad_message`. */
  fetch(
    to: HostPort,
    request: { readonly name: string; readonly payload: Uint8Array },
    timeoutMs: number,
    done: (answer: Buffer | null | { readonly problem: string }) => void,
  ): void {
    const nonce = randomBytes(nonceBytes);
    const body = fetchRequest(this.swim.membership.self.name, request.name, request.payload, nonce);
    this.swim.ask(to, body, timeoutMs, (reply) => {
      if (!Buffer.isBuffer(reply)) return done(reply);
      const answer = readFetchAnswer(reply, nonce);
      done(
        answer === undefined
          ? { problem: "the answer makes no sense, or belongs to another request" }
          : answer,
      );
    });
  }

  /** Tells that we leave, and leaves; `done` is called when that was told. The node still answers until `stop`. */
  leave(done: () => void): void {
    const time = this.#clock.increment();
    const { name } = this.swim.membership.self;
    this.roster.selfLeaving(time);
    const intent = userMessage(serfType.leave, leaveIntentStruct, { LTime: time, Node: name, Prune: false });
    const propagate = () => void this.#deps.clock.after(propagateMs, done, { background: true });
    const depart = () => this.#told((told) => this.swim.leave(told), propagate);
    this.#told((told) => this.swim.broadcast("leave", intent, told), depart);
  }

  counters(): MeshCounters {
    const [suspicions, refutations] = [this.#suspicions, this.#refutations];
    return { dropped: { ...this.#dropped }, suspicions, refutations, ...this.swim.probes };
  }

  /** `next` when `tell` says that it is done, or nobody is there, or the time is up. */
  #told(tell: (told: () => void) => void, next: () => void): void {
    let over = false;
    const once = () => {
      if (over) return;
      over = true;
      timer.cancel();
      next();
    };
    const timer = this.#deps.clock.after(tellMs, once, { background: true });
    const alone = this.roster.count("alive") === 0;
    tell(once);
    if (alone) once();
  }

  #tellJoin(): void {
    const { name } = this.swim.membership.self;
    const time = this.#clock.time;
    this.roster.joinIntent(name, time);
    this.swim.broadcast("join", userMessage(serfType.join, joinIntentStruct, { LTime: time, Node: name }));
  }

  #scheduleReconnect(): void {
    this.#reconnectTimer = this.#deps.clock.after(
      reconnectMs,
      () => {
        this.#scheduleReconnect();
        this.roster.reap();
        this.#reconnect();
      },
      { background: true },
    );
  }

  /** Many alive members share the work of trying a few failed ones. */
  #reconnect(): void {
    const failed = this.roster.failed();
    if (failed.length === 0 || this.swim.membership.leaving) return;
    const { random } = this.#deps;
    if (random.next() > failed.length / Math.max(1, this.roster.count("alive"))) return;
    const member = failed[Math.floor(random.next() * failed.length)];
    if (member !== undefined) this.swim.pushPull(member.address, true, () => undefined);
  }

  #upperLayer(): UpperLayer {
    return {
      joined: (member) => this.roster.joined(member),
      updated: (member) => this.roster.updated(member),
      gone: (member) => this.roster.gone(member),
      conflict: (member, claim) => this.#conflict(member, claim),
      suspected: () => void this.#suspicions++,
      refuted: () => void this.#refutations++,
      userMessage: (body, from) => this.#userMessage(body, from),
      asked: (body, respond) => this.#asked(body, respond),
      localState: () => this.#localState(),
      remoteState: (state, join) => this.#remoteState(state, join),
      dropped: (reason) => this.#drop(reason),
    };
  }

  #drop(reason: StreamDropReason | "version"): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
  }

  #conflict(member: SwimMember, claim: Alive): void {
    const host = hostOfBytes(claim.Addr) ?? "";
    this.#deps.tell({ kind: "conflict", member: member.name, claimedFrom: { host, port: claim.Port } });
  }

  #userMessage(body: Buffer, _from: HostPort): void {
    const outcome = attempt(() => ({ news: this.#isNews(body) }));
    if (typeof outcome === "string") return this.#drop(outcome === "too-large" ? outcome : "malformed");
    if (outcome.news) this.swim.broadcast(null, Buffer.concat([Buffer.of(messageType.user), body]));
  }

  /** Whether the message is to be told on. Throws WireFault. */
  #isNews(body: Buffer): boolean {
    switch (body[0]) {
      case serfType.leave: {
        const { Node, LTime, Prune } = leaveIntentStruct.parse(body, 1);
        return this.#leaveIntent(Node, LTime, Prune);
      }
      case serfType.join: {
        const { Node, LTime } = joinIntentStruct.parse(body, 1);
        this.#clock.witness(LTime);
        return this.roster.joinIntent(Node, LTime) === "news";
      }
      case serfType.userEvent:
        return this.#events.received(userEventStruct.parse(body, 1));
      case serfType.query:
        return this.queries.received(queryStruct.parse(body, 1));
      case serfType.queryResponse:
        this.queries.responded(queryResponseStruct.parse(body, 1));
        return false;
      case serfType.relay:
        this.#relay(body);
        return false;
      default:
        this.#drop("unknown");
        return false;
    }
  }

  #leaveIntent(name: string, time: number, prune: boolean): boolean {
    this.#clock.witness(time);
    const verdict = this.roster.leaveIntent(name, time, prune);
    // Somebody remembers an old farewell of ours, and we are back.
    if (verdict === "contradict") this.#tellJoin();
    return verdict === "news";
  }

  #relay(body: Buffer): void {
    const reader = new MsgpackReader(body, 1);
    const { DestAddr } = relayHeaderStruct.read(reader);
    const host = DestAddr === null ? null : hostOfBytes(DestAddr.IP);
    if (DestAddr === null || host === null || DestAddr.Port === 0) return this.#drop("malformed");
    const rest = body.subarray(reader.offset);
    this.swim.sendTo({ host, port: DestAddr.Port }, Buffer.concat([Buffer.of(messageType.user), rest]));
  }

  #answerQuery(question: MeshQuestion, respond: (payload: Buffer) => void): void {
    const { name, payload } = question;
    const operation = keyOperationOf(name);
    if (operation !== undefined) {
      const { keyring, tell } = this.#deps;
      const changed = () => tell({ kind: "keys", keys: keyring.keys.map((key) => Uint8Array.from(key)) });
      respond(answerKeyQuery(operation, payload, keyring, changed));
    } else if (!name.startsWith("_serf_"))
      this.#deps.answers.query(question, (answer) => respond(Buffer.from(answer)));
  }

  #asked(body: Buffer, respond: (reply: Buffer) => void): boolean {
    const question = readFetchRequest(body);
    if (question === null) return false;
    this.#deps.answers.fetch(question, (payload) => respond(fetchAnswer(payload, question.nonce)));
    return true;
  }

  #localState(): Buffer {
    const state: SerfState = {
      LTime: this.#clock.time,
      StatusLTimes: this.roster.statusTimes(),
      LeftMembers: this.roster.leftNames(),
      EventLTime: this.#events.clock.time,
      Events: this.#events.past(),
      QueryLTime: this.queries.clock.time,
    };
    return serfStateStruct.message(serfType.pushPull, state);
  }

  #remoteState(bytes: Buffer, join: boolean): void {
    const state =
      bytes[0] === serfType.pushPull ? attempt(() => serfStateStruct.parse(bytes, 1)) : "malformed";
    if (typeof state === "string") return this.#drop("malformed");
    this.#clock.witness(state.LTime - 1);
    this.#events.clock.witness(state.EventLTime - 1);
    this.queries.clock.witness(state.QueryLTime - 1);
    const left = new Set(state.LeftMembers);
    // When they left is not told; it was after they joined.
    for (const name of left) this.#leaveIntent(name, (state.StatusLTimes.get(name) ?? 0) + 1, false);
    for (const [name, time] of state.StatusLTimes) if (!left.has(name)) this.roster.joinIntent(name, time);
    if (join) this.#ignorePast(state);
    const fault = attempt(() => ({ told: this.#events.receivedPast(state.Events) }));
    if (typeof fault === "string") this.#drop("too-large");
  }

  /** What was told before we came is not for us. */
  #ignorePast(state: SerfState): void {
    this.#events.ignoreBefore(state.EventLTime);
    this.queries.ignoreBefore(state.QueryLTime);
  }
}
