// Puts messages into datagrams: alone, or with the news that fit beside them.

import type { HostPort } from "../../../core/address.ts";
import { compoundOverheadBytes, compoundPartOverheadBytes, joinAll } from "../wire/compound.ts";
import type { PacketCodec } from "../wire/packet.ts";
import type { BroadcastQueue } from "./broadcast-queue.ts";

export interface SenderDeps {
  readonly codec: PacketCodec;
  readonly send: (to: HostPort, packet: Buffer) => void;
  /** What is told on, in order of importance. */
  readonly queues: readonly BroadcastQueue[];
  /** Content of one datagram. */
  readonly packetBytes: number;
  /** Times that a message is told on, at present. */
  readonly limit: () => number;
}

export class Sender {
  readonly #deps: SenderDeps;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
  }

  /** Whether there is news. */
  get hasNews(): boolean {
    return this.#deps.queues.some((queue) => queue.size > 0);
  }

  /** `messages` and the news that fit beside them. `checked`: with a CRC. */
  send(to: HostPort, messages: readonly Buffer[], checked: boolean): void {
    const all = [...messages, ...this.#news(messages)];
    for (const content of joinAll(all)) this.#deps.send(to, this.#deps.codec.seal(content, checked));
  }

  #news(beside: readonly Buffer[]): readonly Buffer[] {
    if (!this.hasNews) return [];
    const news: Buffer[] = [];
    let left = this.#deps.packetBytes - compoundOverheadBytes - sizeOf(beside);
    for (const queue of this.#deps.queues) {
      const taken = queue.take(
        left,
        compoundPartOverheadBytes,
        this.#deps.limit(),
        beside.length + news.length === 0,
      );
      left -= sizeOf(taken);
      news.push(...taken);
    }
    return news;
  }
}

function sizeOf(messages: readonly Buffer[]): number {
  return messages.reduce((sum, message) => sum + message.length + compoundPartOverheadBytes, 0);
}
