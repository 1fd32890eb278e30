// One member of a mesh, as memberlist has it: probes, suspicion, gossip, push-pull. What stands above (Serf) hears of
// members and user messages, and adds its own state to the exchanges. It is long because all parts of a member meet here.
//
//   packets ─▶ PacketCodec ─▶ Responder, Prober, Membership ─▶ BroadcastQueue ─▶ Gossiper ─▶ packets
//   streams ─▶ StreamCodec ─▶ merge ─────────▲

import type { HostPort } from "../../../core/address.ts";
import type { Clock, Timer } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import type { Transport } from "../transport.ts";
import type { Keyring } from "../wire/keyring.ts";
import {
  type Alive,
  accusationStruct,
  ackStruct,
  aliveStruct,
  indirectPingStruct,
  messageType,
  nackStruct,
  type Ping,
  pingStruct,
} from "../wire/messages.ts";
import { PacketCodec } from "../wire/packet.ts";
import { encodePushPull, type PushPull } from "../wire/push-pull.ts";
import { StreamCodec, type StreamMessage, streamUserMessage } from "../wire/stream.ts";
import { attempt } from "../wire/wire-fault.ts";
import { Awareness } from "./awareness.ts";
import { BroadcastQueue } from "./broadcast-queue.ts";
import { type ExchangeOutcome, Exchanges, type Respond, type StreamDropReason } from "./exchanges.ts";
import { Gossiper } from "./gossiper.ts";
import type { SwimMember } from "./member.ts";
import { Membership, type MembershipObserver } from "./membership.ts";
import { mergeRemoteState } from "./merge.ts";
import { Prober } from "./prober.ts";
import { Responder } from "./responder.ts";
import { Reunion } from "./reunion.ts";
import { Sender } from "./sender.ts";
import { SequenceNumbers } from "./sequence-numbers.ts";
import { pushPullIntervalMs, retransmitLimit, type SwimTiming } from "./timing.ts";

/** What stands above the membership protocol. */
export interface UpperLayer extends MembershipObserver {
  /** The body of a user message. */
  userMessage(body: Buffer, from: HostPort): void;
  /** The body of a user message on a stream. True: it is a request, and `respond` is or will be called. */
  asked?(body: Buffer, respond: (reply: Buffer) => void): boolean;
  /** Goes with each push-pull; empty: nothing. */
  localState(join: boolean): Buffer;
  /** Came with a push-pull, before its members are merged; `join`: we are joining whom it came from. */
  remoteState(state: Buffer, join: boolean): void;
  dropped(reason: StreamDropReason | "version"): void;
}

export interface SwimNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly timing: SwimTiming;
  readonly keyring: Keyring;
  readonly label?: string;
  readonly upper: UpperLayer;
  /** The first claim about ourselves. */
  readonly self: Alive;
  /** Members of a former life, believed to be alive until they do not answer. */
  readonly known?: readonly Alive[];
}

export class SwimNode {
  readonly #deps: SwimNodeDeps;
  readonly #packets: PacketCodec;
  readonly #news = new BroadcastQueue();
  readonly #userNews = new BroadcastQueue();
  readonly #sender: Sender;
  readonly #gossiper: Gossiper;
  readonly #prober: Prober;
  readonly #responder: Responder;
  readonly #exchanges: Exchanges;
  readonly awareness: Awareness;
  readonly membership: Membership;
  /** Whether another member has asked after us by name. */
  confirmed = false;
  readonly #reunion: Reunion;
  #pushPullTimer: Timer | null = null;
  #asking = false;
  #stopped = false;

  constructor(deps: SwimNodeDeps) {
    this.#deps = deps;
    const { clock, random, timing, transport, upper } = deps;
    const wire = { keyring: deps.keyring, label: deps.label ?? "" };
    this.#packets = new PacketCodec(wire);
    this.awareness = new Awareness(timing.awarenessMax);
    this.membership = new Membership(
      {
        clock,
        random,
        timing,
        awareness: this.awareness,
        observer: upper,
        look: (member) => this.#prober.look(member),
        tell: (about, message) => this.#tell(about, message),
        correct: (member, message) => this.#sender.send(member, [message], false),
        returned: () => this.#reunion.returned(this.membership.live),
      },
      deps.self,
      deps.known,
    );
    this.#reunion = new Reunion({ clock, random, compare: () => this.#compareStates() });
    this.#sender = new Sender({
      codec: this.#packets,
      send: (to, packet) => transport.sendPacket(to, packet),
      queues: [this.#news, this.#userNews],
      packetBytes:
        timing.packetBytes -
        (deps.keyring.enabled ? 29 : 0) -
        (wire.label === "" ? 0 : 2 + Buffer.byteLength(wire.label)),
      limit: () => retransmitLimit(timing, this.membership.live),
    });
    const shared = { clock, random, timing, membership: this.membership, sender: this.#sender };
    this.#gossiper = new Gossiper(shared);
    const sequence = new SequenceNumbers(random.uint32());
    this.#prober = new Prober({
      ...shared,
      awareness: this.awareness,
      sequence,
      pingByStream: (member, ping, withinMs, acked) => this.#pingByStream(member, ping, withinMs, acked),
      askForNews: (member) => this.#askForNews(member),
    });
    this.#responder = new Responder({
      ...shared,
      sequence,
      self: () => this.membership.self,
      askedFor: () => {
        this.confirmed = true;
      },
    });
    this.#exchanges = new Exchanges({
      clock,
      codec: new StreamCodec(wire),
      transport,
      timeoutMs: timing.streamTimeoutMs,
      answer: (message, from, respond) => this.#answer(message, from, respond),
      dropped: (reason) => upper.dropped(reason),
    });
  }

  /** Since the start. */
  get probes(): { readonly probes: number; readonly failedProbes: number } {
    const { probes, failedProbes } = this.#prober;
    return { probes, failedProbes };
  }

  /** Packets and streams are served, members are probed. */
  start(): void {
    const { random, timing, transport } = this.#deps;
    transport.attach({
      packet: (packet, from) => this.#packet(packet, from),
      stream: (stream) => (this.#stopped ? null : this.#exchanges.accept(stream)),
    });
    this.#prober.start(random.next() * timing.probeIntervalMs);
    this.#schedulePushPull(random.next());
    this.membership.announce();
  }

  /** Ends all timers and streams; the transport stays its owner's. */
  stop(): void {
    this.#stopped = true;
    this.#prober.stop();
    this.#gossiper.stop();
    this.#responder.stop();
    this.#exchanges.stop();
    this.membership.stop();
    this.#pushPullTimer?.cancel();
    this.#reunion.stop();
    this.#news.clear();
    this.#userNews.clear();
  }

  /** Exchanges whole states with a member; `done` gets null, or what went wrong. */
  pushPull(to: HostPort, join: boolean, done: (problem: string | null) => void): void {
    this.#exchanges.request(to, this.#localState(join), (outcome) => done(this.#merged(outcome, join)));
  }

  /** Tells a user message to everybody; `message` begins with its type byte. `finished`: it was told often enough. */
  broadcast(key: string | null, message: Buffer, finished?: () => void): void {
    this.#userNews.add(key, message, finished);
    this.#gossiper.wake();
  }

  /** Sends a user message to one member. */
  sendTo(to: HostPort, message: Buffer): void {
    this.#sender.send(to, [message], false);
  }

  /** Sends the body of a user message to one member over a stream; `done` gets the body of the answer, or what went wrong. */
  ask(
    to: HostPort,
    body: Buffer,
    withinMs: number,
    done: (answer: Buffer | { readonly problem: string }) => void,
  ): void {
    this.#exchanges.request(
      to,
      streamUserMessage(body),
      (outcome) => {
        if (!outcome.ok) done({ problem: outcome.problem });
        else if (outcome.message.kind === "user") done(outcome.message.body);
        else done({ problem: "the answer is no user message" });
      },
      withinMs,
    );
  }

  /** Tells that we leave; `finished` is called when that was told often enough. */
  leave(finished: () => void): void {
    this.membership.leave();
    const { name, incarnation } = this.membership.self;
    const claim = { Incarnation: incarnation, Node: name, From: name };
    this.#news.add(name, accusationStruct.message(messageType.dead, claim), finished);
    this.#gossiper.wake();
  }

  #tell(about: string, message: Buffer): void {
    this.#news.add(about, message);
    this.#gossiper.wake();
  }

  #packet(packet: Buffer, from: HostPort): void {
    if (this.#stopped) return;
    const { upper } = this.#deps;
    this.#packets.open(
      packet,
      (type, message) => {
        const fault = attempt(() => this.#message(type, message, from));
        if (fault !== this.#handled) upper.dropped(fault === "too-large" ? fault : "malformed");
      },
      (reason) => upper.dropped(reason),
    );
  }

  /** What `attempt` gives back where nothing was wrong. */
  readonly #handled = Object.freeze({});

  /** Throws WireFault. */
  #message(type: number, message: Buffer, from: HostPort): object {
    switch (type) {
      case messageType.ping:
        this.#responder.ping(pingStruct.parse(message, 1), from);
        break;
      case messageType.indirectPing:
        this.#responder.indirectPing(indirectPingStruct.parse(message, 1), from);
        break;
      case messageType.ack: {
        const ack = ackStruct.parse(message, 1);
        if (!this.#prober.acked(ack)) this.#responder.acked(ack);
        break;
      }
      case messageType.nack:
        this.#prober.nacked(nackStruct.parse(message, 1).SeqNo);
        break;
      case messageType.suspect:
        this.membership.suspect(accusationStruct.parse(message, 1));
        break;
      case messageType.alive:
        this.membership.alive(aliveStruct.parse(message, 1));
        break;
      case messageType.dead:
        this.membership.dead(accusationStruct.parse(message, 1));
        break;
      case messageType.user:
        this.#deps.upper.userMessage(message.subarray(1), from);
        break;
      default:
        this.#deps.upper.dropped("unknown");
    }
    return this.#handled;
  }

  #answer(message: StreamMessage, from: HostPort, respond: Respond): void {
    switch (message.kind) {
      case "push-pull":
        // The answer is our state as it was: the peer's is merged after.
        return respond(this.#localState(false), () => void this.#merge(message.state, false));
      case "ping":
        return respond(this.#responder.streamPing(message.ping));
      case "user": {
        const { upper } = this.#deps;
        const body = Buffer.from(message.body);
        if (upper.asked?.(body, (reply) => respond(streamUserMessage(reply)))) return;
        return respond(null, () => upper.userMessage(body, from));
      }
      case "ack":
      case "error":
        return respond(null);
    }
  }

  #localState(join: boolean): Buffer {
    return encodePushPull({
      join,
      nodes: this.membership.list.all().map((entry) => entry.nodeState()),
      userState: this.#deps.upper.localState(join),
    });
  }

  #merged(outcome: ExchangeOutcome, join: boolean): string | null {
    if (!outcome.ok) return outcome.problem;
    if (outcome.message.kind !== "push-pull") return "the answer is no push-pull";
    return this.#merge(outcome.message.state, join);
  }

  /** `join`: one of the two is joining the other. */
  #merge(state: PushPull, join: boolean): string | null {
    if (this.#stopped) return "stopped";
    const { upper } = this.#deps;
    const problem = mergeRemoteState(this.membership, state, () => {
      if (state.userState.length > 0) upper.remoteState(state.userState, join);
    });
    if (problem !== null) upper.dropped("version");
    return problem;
  }

  #pingByStream(member: SwimMember, ping: Ping, withinMs: number, acked: () => void): void {
    const message = pingStruct.message(messageType.ping, ping);
    this.#exchanges.request(
      member,
      message,
      (outcome) => {
        if (outcome.ok && outcome.message.kind === "ack" && outcome.message.ack.SeqNo === ping.SeqNo) acked();
      },
      withinMs,
    );
  }

  /** One at a time: it is a whole state. */
  #askForNews(member: SwimMember): void {
    if (this.#asking) return;
    this.#asking = true;
    this.pushPull(member, false, () => {
      this.#asking = false;
    });
  }

  #schedulePushPull(share: number): void {
    const { clock, timing } = this.#deps;
    const delayMs = pushPullIntervalMs(timing, this.membership.live) * share;
    this.#pushPullTimer = clock.after(
      delayMs,
      () => {
        this.#schedulePushPull(1);
        this.#compareStates();
      },
      { background: true },
    );
  }

  /** With somebody, by chance. */
  #compareStates(): void {
    const { list, self } = this.membership;
    const [member] = list.pick(1, (entry) => entry.state === "alive" && entry !== self);
    if (member !== undefined) this.pushPull(member, false, () => undefined);
  }
}
