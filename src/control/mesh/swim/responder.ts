// Answers pings, and pings on behalf of members that cannot reach somebody.

import type { HostPort } from "../../../core/address.ts";
import type { Clock, Timer } from "../../../core/clock.ts";
import { hostOfBytes } from "../wire/ip-bytes.ts";
import {
  type Ack,
  ackStruct,
  type IndirectPing,
  messageType,
  nackStruct,
  type Ping,
  pingStruct,
} from "../wire/messages.ts";
import type { SwimMember } from "./member.ts";
import type { Sender } from "./sender.ts";
import type { SequenceNumbers } from "./sequence-numbers.ts";
import type { SwimTiming } from "./timing.ts";

/** Pings on behalf of others at once. */
const maxErrands = 1_024;
/** Share of the probe timeout after which we say that we failed: at the whole of it the nack would come too late. */
const nackShare = 0.8;

interface Errand {
  readonly asker: HostPort;
  /** The asker's number. */
  readonly seq: number;
  readonly timers: readonly Timer[];
}

export interface ResponderDeps {
  readonly clock: Clock;
  readonly timing: SwimTiming;
  readonly self: () => SwimMember;
  readonly sender: Sender;
  readonly sequence: SequenceNumbers;
  /** Somebody asked after us by name. */
  readonly askedFor: () => void;
}

export class Responder {
  readonly #deps: ResponderDeps;
  readonly #errands = new Map<number, Errand>();

  constructor(deps: ResponderDeps) {
    this.#deps = deps;
  }

  /** A ping that is meant for somebody else is not answered: another member had this address before. */
  ping(ping: Ping, from: HostPort): void {
    if (!this.#isForUs(ping)) return;
    this.#deps.sender.send(askerOf(ping, from), [this.ackOf(ping)], false);
  }

  /** The ack to a ping that came over a stream; null: none is due. */
  streamPing(ping: Ping): Buffer | null {
    return this.#isForUs(ping) ? this.ackOf(ping) : null;
  }

  ackOf(ping: Ping): Buffer {
    return ackStruct.message(messageType.ack, { SeqNo: ping.SeqNo, Payload: null });
  }

  indirectPing(request: IndirectPing, from: HostPort): void {
    const host = hostOfBytes(request.Target);
    if (host === null || request.Port === 0 || this.#errands.size >= maxErrands) return;
    const { sender, sequence, clock, timing } = this.#deps;
    const seq = sequence.next();
    const asker = askerOf(request, from);
    const timers = [clock.after(timing.probeTimeoutMs, () => this.#close(seq), { background: true })];
    if (request.Nack)
      timers.push(
        clock.after(timing.probeTimeoutMs * nackShare, () => this.#nack(seq), { background: true }),
      );
    this.#errands.set(seq, { asker, seq: request.SeqNo, timers });
    const self = this.#deps.self();
    const ping: Ping = {
      SeqNo: seq,
      Node: request.Node,
      SourceAddr: self.addr,
      SourcePort: self.port,
      SourceNode: self.name,
    };
    sender.send({ host, port: request.Port }, [pingStruct.message(messageType.ping, ping)], false);
  }

  /** An ack that belongs to an errand is handed on. */
  acked(ack: Ack): void {
    const errand = this.#errands.get(ack.SeqNo);
    if (errand === undefined) return;
    this.#close(ack.SeqNo);
    const message = ackStruct.message(messageType.ack, { SeqNo: errand.seq, Payload: null });
    this.#deps.sender.send(errand.asker, [message], false);
  }

  stop(): void {
    for (const seq of [...this.#errands.keys()]) this.#close(seq);
  }

  #nack(seq: number): void {
    const errand = this.#errands.get(seq);
    if (errand === undefined) return;
    const message = nackStruct.message(messageType.nack, { SeqNo: errand.seq });
    this.#deps.sender.send(errand.asker, [message], false);
  }

  #close(seq: number): void {
    for (const timer of this.#errands.get(seq)?.timers ?? []) timer.cancel();
    this.#errands.delete(seq);
  }

  #isForUs(ping: Ping): boolean {
    if (ping.Node === "") return true;
    if (ping.Node !== this.#deps.self().name) return false;
    this.#deps.askedFor();
    return true;
  }
}

/** Where the sender says that it is to be answered; old peers do not say. */
function askerOf(ping: Pick<Ping, "SourceAddr" | "SourcePort">, from: HostPort): HostPort {
  const host = ping.SourcePort === 0 ? null : hostOfBytes(ping.SourceAddr);
  return host === null ? from : { host, port: ping.SourcePort };
}
