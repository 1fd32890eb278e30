// Asks one member after the other whether it is alive.
//
//   t = 0             ping
//   t = probe timeout still no ack: pinged again; three others are asked to ping it, and it is asked over a stream
//   t = interval      still no ack from anywhere: it is suspected. The interval grows with our own awareness.

import type { Clock, Timer } from "../../../core/clock.ts";
import {
  type Ack,
  accusationStruct,
  indirectPingStruct,
  messageType,
  type Ping,
  pingStruct,
} from "../wire/messages.ts";
import type { Awareness } from "./awareness.ts";
import type { SwimMember } from "./member.ts";
import type { Membership } from "./membership.ts";
import { patientTimer } from "./patient-timer.ts";
import type { Sender } from "./sender.ts";
import type { SequenceNumbers } from "./sequence-numbers.ts";
import type { SwimTiming } from "./timing.ts";
import { answersStreamPings, readsCrc, sendsNacks } from "./versions.ts";

export interface ProberDeps {
  readonly clock: Clock;
  readonly timing: SwimTiming;
  readonly membership: Membership;
  readonly awareness: Awareness;
  readonly sender: Sender;
  readonly sequence: SequenceNumbers;
  /** Pings over a stream; `acked` is called if the member answers in time. */
  readonly pingByStream: (member: SwimMember, ping: Ping, withinMs: number, acked: () => void) => void;
  /** The member answers, and is suspected nevertheless: it can tell us what it says to that. */
  readonly askForNews: (member: SwimMember) => void;
}

interface Round {
  readonly target: SwimMember;
  readonly seq: number;
  /** Of the target when the round began: an accusation must not be newer. */
  readonly incarnation: number;
  readonly startedAt: number;
  nacksWanted: number;
  nacks: number;
  ackedByStream: boolean;
  readonly timers: Timer[];
}

/** Probes out of turn at once. */
const maxLooks = 32;

export class Prober {
  readonly #deps: ProberDeps;
  /** Of the turn. */
  #round: Round | null = null;
  /** Out of turn, by number. */
  readonly #looks = new Map<number, Round>();
  #ticker: Timer | null = null;
  /** A tick came while a round was running: the next one follows at once. */
  #late = false;
  #stopped = false;
  /** Begun so far, and of those the ones that nobody answered. */
  probes = 0;
  failedProbes = 0;

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  /** The first round comes after `staggerMs`, so that members that start together do not probe together. */
  start(staggerMs: number): void {
    this.#tickAfter(staggerMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#ticker?.cancel();
    for (const round of [...this.#looks.values()]) this.#end(round);
    if (this.#round !== null) this.#end(this.#round);
  }

  /** Probes a member out of turn, beside whatever else is probed. */
  look(member: SwimMember): void {
    if (this.#stopped || this.#looks.size >= maxLooks) return;
    const round = this.#newRound(member);
    this.#looks.set(round.seq, round);
    this.#run(round);
  }

  /** True where the ack belongs to the running round. */
  acked(ack: Ack): boolean {
    const round = this.#roundOf(ack.SeqNo);
    if (round === undefined) return false;
    this.#deps.awareness.change(-1);
    this.#answered(round);
    this.#end(round);
    return true;
  }

  nacked(seq: number): void {
    const round = this.#roundOf(seq);
    if (round !== undefined) round.nacks++;
  }

  #roundOf(seq: number): Round | undefined {
    return this.#round?.seq === seq ? this.#round : this.#looks.get(seq);
  }

  #tickAfter(delayMs: number): void {
    const { clock, timing } = this.#deps;
    this.#ticker = clock.after(
      delayMs,
      () => {
        this.#tickAfter(timing.probeIntervalMs);
        if (this.#round === null) this.#begin();
        else this.#late = true;
      },
      { background: true },
    );
  }

  #begin(): void {
    const target = this.#stopped ? null : this.#deps.membership.nextToProbe();
    if (target === null) return;
    this.#round = this.#newRound(target);
    this.#run(this.#round);
  }

  #newRound(target: SwimMember): Round {
    return {
      target,
      seq: this.#deps.sequence.next(),
      incarnation: target.incarnation,
      startedAt: this.#deps.clock.now(),
      nacksWanted: 0,
      nacks: 0,
      ackedByStream: false,
      timers: [],
    };
  }

  #run(round: Round): void {
    const { clock, timing, awareness } = this.#deps;
    this.probes++;
    const intervalMs = awareness.scale(timing.probeIntervalMs);
    round.timers.push(
      clock.after(timing.probeTimeoutMs, () => this.#askOthers(round, intervalMs), { background: true }),
      patientTimer(
        clock,
        intervalMs,
        () => this.#verdict(round),
        () => awareness.change(1),
      ),
    );
    this.#ping(round);
  }

  #ping(round: Round): void {
    const { target } = round;
    const messages = [pingStruct.message(messageType.ping, this.#pingOf(round))];
    // Told that it is suspected, the target can refute at once.
    if (target.state === "suspect") {
      const from = this.#deps.membership.self.name;
      const claim = { Incarnation: target.incarnation, Node: target.name, From: from };
      messages.push(accusationStruct.message(messageType.suspect, claim));
    }
    this.#deps.sender.send(target, messages, messages.length > 1 && readsCrc(target.vsn));
  }

  #pingOf(round: Round): Ping {
    const { addr, port, name } = this.#deps.membership.self;
    return {
      SeqNo: round.seq,
      Node: round.target.name,
      SourceAddr: addr,
      SourcePort: port,
      SourceNode: name,
    };
  }

  #askOthers(round: Round, intervalMs: number): void {
    const { membership, timing, sender, clock } = this.#deps;
    const { target } = round;
    this.#ping(round); // one lost packet, there or back, is the likeliest reason of all
    const helpers = membership.list.pick(
      timing.indirectChecks,
      (entry) => entry !== membership.self && entry.name !== target.name && entry.state === "alive",
    );
    for (const helper of helpers) {
      const Nack = sendsNacks(helper.vsn);
      if (Nack) round.nacksWanted++;
      const request = { ...this.#pingOf(round), Target: target.addr, Port: target.port, Nack };
      sender.send(helper, [indirectPingStruct.message(messageType.indirectPing, request)], false);
    }
    const withinMs = round.startedAt + intervalMs - clock.now();
    if (answersStreamPings(target.vsn) && withinMs > 0)
      this.#deps.pingByStream(target, this.#pingOf(round), withinMs, () => {
        round.ackedByStream = true;
      });
  }

  #verdict(round: Round): void {
    const { awareness, membership } = this.#deps;
    if (round.ackedByStream) {
      this.#answered(round);
      return this.#end(round);
    }
    this.failedProbes++;
    // Helpers that did not even say that they failed: it is we who are hard to reach.
    if (round === this.#round)
      awareness.change(round.nacksWanted > 0 ? Math.max(0, round.nacksWanted - round.nacks) : 1);
    const claim = { Incarnation: round.incarnation, Node: round.target.name, From: membership.self.name };
    this.#end(round);
    membership.suspect(claim);
  }

  #answered(round: Round): void {
    if (this.#deps.membership.answered(round.target.name)) this.#deps.askForNews(round.target);
  }

  #end(round: Round): void {
    for (const timer of round.timers) timer.cancel();
    this.#looks.delete(round.seq);
    if (round !== this.#round) return;
    this.#round = null;
    if (!this.#late || this.#stopped) return;
    this.#late = false;
    this.#begin();
  }
}
