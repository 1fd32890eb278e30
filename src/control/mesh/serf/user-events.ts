// Small messages to everybody, each delivered once: Serf's user events.

import { UnderstudyError } from "../../../core/errors.ts";
import {
  type SerfState,
  serfType,
  type UserEventMessage,
  userEventStruct,
  userMessage,
} from "../wire/serf-messages.ts";
import { WireFault } from "../wire/wire-fault.ts";
import { LamportClock } from "./lamport-clock.ts";
import { SeenTimes } from "./seen-times.ts";

/** Name and payload together: what leaves room in one datagram for the wrappers. */
export const maxBroadcastBytes = 1_024;
/** Serf's own hard limit for what others say. */
const maxHeardBytes = 9 * 1_024;

export interface UserEventDeps {
  /** Queues a whole user message. */
  readonly broadcast: (message: Buffer) => void;
  readonly deliver: (event: MeshBroadcast) => void;
}

/** A user broadcast as it is delivered. */
export interface MeshBroadcast {
  readonly name: string;
  readonly payload: Uint8Array;
  /** Later broadcasts that knew of this one have a larger one. */
  readonly lamportTime: number;
}

export class UserEvents {
  readonly #deps: UserEventDeps;
  readonly #seen = new SeenTimes<{ readonly Name: string; readonly Payload: Buffer }>();
  readonly clock = new LamportClock();

  constructor(deps: UserEventDeps) {
    this.#deps = deps;
  }

  /** Delivered here too. Throws `bad_message` where it is too large. */
  send(name: string, payload: Uint8Array): void {
    const size = Buffer.byteLength(name) + payload.length;
    if (size > maxBroadcastBytes)
      throw new UnderstudyError(
        "bad_message",
        `gossip broadcast ${JSON.stringify(name)}: expected at most ${maxBroadcastBytes} bytes with its name, got ${size}`,
      );
    const event = { LTime: this.clock.increment(), Name: name, Payload: Buffer.from(payload), CC: false };
    this.received(event);
    this.#deps.broadcast(userMessage(serfType.userEvent, userEventStruct, event));
  }

  /** True where the event is news, and to be told on. Throws WireFault. */
  received(event: UserEventMessage): boolean {
    const size = event.Name.length + event.Payload.length;
    if (size > maxHeardBytes) throw new WireFault("too-large", `a broadcast of ${size} bytes`);
    this.clock.witness(event.LTime);
    const kept = { Name: event.Name, Payload: Buffer.from(event.Payload) };
    const key = `${event.Name}\n${event.Payload.toString("latin1")}`;
    if (!this.#seen.isNews(event.LTime, key, kept, this.clock.time, size)) return false;
    this.#deps.deliver({ name: kept.Name, payload: kept.Payload, lamportTime: event.LTime });
    return true;
  }

  /** For push-pulls: what a member that missed the gossip can still learn. */
  past(): SerfState["Events"] {
    return this.#seen.all().map(({ time, values }) => ({ LTime: time, Events: values }));
  }

  /** Events that came with a push-pull. */
  receivedPast(past: SerfState["Events"]): void {
    for (const slot of past)
      for (const event of slot?.Events ?? [])
        if (slot !== null && event !== null) this.received({ ...event, LTime: slot.LTime, CC: false });
  }

  ignoreBefore(time: number): void {
    this.#seen.ignoreBefore(time);
  }
}
