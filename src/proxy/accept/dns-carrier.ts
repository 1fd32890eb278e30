// Carries DNS queries over UDP from the inside of a namespace to the host's name servers, and the answers back.
// Knows no name itself: what it forwards is the command's own query, under an id of its own choosing. Where they do not resolve
// a name, a stand-in may know better.

import type { Socket } from "node:dgram";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import { addressQuery, answerCodes, type DnsHead, readDnsHead, serverFailure } from "./dns-message.ts";
import { NameServerSockets } from "./name-server-sockets.ts";
import { type Failure, isFailure, type StandIn } from "./stand-in-names.ts";
import type { UnresolvedNames } from "./unresolved-names.ts";

export interface DnsCarrierDeps {
  /** In the order in which they are tried; asked for at each query. */
  readonly nameservers: () => readonly HostPort[];
  readonly clock: Clock;
  readonly random: Random;
  /** Left out: what the name servers say stands. */
  readonly standIn?: StandIn;
  /** Hears how each look-up ends. */
  readonly unresolved?: UnresolvedNames;
}

export interface DnsCarrier {
  /** Queries that wait for an answer. */
  pending(): number;
  /** Closes the sockets inside too. */
  close(): void;
}

// glibc asks again after 5 s: by then each of two servers has had its chance.
const patienceMs = 2_000;
// What a stand-in would answer for must come before a resolver gives up: musl does so after 5 s.
const standInAfterMs = 4_000;
// A server that was silent is asked again each time, but a stand-in does not wait so long for it.
const silentPatienceMs = 250;
const maxSilent = 16;
const maxPending = 512;

interface Query {
  readonly bytes: Buffer;
  readonly head: DnsHead;
  readonly servers: readonly HostPort[];
  /** null: no name server has answered. */
  readonly reply: (answer: Buffer | null) => void;
  readonly askedAt: number;
  /** It is asked on behalf of a stand-in that has waited before. */
  readonly isOwn: boolean;
  /** Index into `servers` of the one that was asked last. */
  asked: number;
  timer: Timer | null;
}

/** Serves the queries that arrive on `inside`, and owns those sockets from now on. */
export function carryDns(inside: readonly Socket[], deps: DnsCarrierDeps): DnsCarrier {
  const carrier = new Carrier(deps);
  for (const socket of inside) {
    socket.on("error", () => undefined); // a client that did not wait for its answer
    socket.on("message", (bytes, from) => {
      carrier.query(bytes, (answer) => socket.send(answer, from.port, from.address, () => undefined));
    });
  }
  return {
    pending: () => carrier.queries.size,
    close() {
      for (const socket of inside) socket.close();
      carrier.close();
    },
  };
}

class Carrier {
  readonly #deps: DnsCarrierDeps;
  /** By the id under which they were sent on. */
  readonly queries = new Map<number, Query>();
  readonly #servers = new NameServerSockets({
    answered: (server, bytes) => this.#answered(server, bytes),
    unreachable: (server) => this.#unreachable(server),
  });
  /** Servers that have left a query without an answer, and have given none since; cleared before it grows. */
  readonly #silent = new Set<string>();
  #closed = false;

  constructor(deps: DnsCarrierDeps) {
    this.#deps = deps;
  }

  query(bytes: Buffer, reply: (answer: Buffer) => void): void {
    const head = readDnsHead(bytes);
    if (this.#closed || !head || head.isResponse) return;
    if (this.queries.size >= maxPending) return reply(serverFailure(bytes, head));
    this.#carry(bytes, head, false, (answer) => {
      const { standIn, unresolved } = this.#deps;
      const failure = answer === null ? null : codeOf(answer);
      const hasFailed = failure === null || isFailure(failure);
      const end = (said: Buffer, isKnown: boolean) => {
        unresolved?.ended(head, isKnown);
        reply(said);
      };
      const said = answer ?? serverFailure(bytes, head);
      if (!standIn || !hasFailed) return end(said, !hasFailed);
      void this.#instead(standIn, bytes, head, failure).then(
        (other) => this.#closed || end(other ?? said, other !== null),
      );
    });
  }

  #instead(standIn: StandIn, bytes: Buffer, head: DnsHead, failure: Failure): Promise<Buffer | null> {
    return standIn.answer(bytes, head, failure, (name) => this.#exists(name));
  }

  /** A name without an address of that kind is one, too; and one that nobody can be asked for may be. */
  #exists(name: string): Promise<boolean> {
    const bytes = addressQuery(name);
    const head = readDnsHead(bytes);
    return new Promise((resolve) => {
      if (this.#closed || !head || this.queries.size >= maxPending) return resolve(true);
      const heard = (answer: Buffer | null) =>
        resolve(answer !== null && codeOf(answer) === answerCodes.NOERROR);
      this.#carry(bytes, head, true, heard);
    });
  }

  #carry(bytes: Buffer, head: DnsHead, isOwn: boolean, reply: Query["reply"]): void {
    // Ids are drawn at random, so that an answer cannot be forged by counting (RFC 5452 §4.3).
    let id = this.#deps.random.uint32() & 0xffff;
    while (this.queries.has(id)) id = (id + 1) & 0xffff;
    const { clock, nameservers } = this.#deps;
    const [servers, askedAt] = [nameservers(), clock.now()];
    const query = { bytes, head, servers, reply, askedAt, isOwn, asked: -1, timer: null };
    this.queries.set(id, query);
    this.#askNext(id, query);
  }

  #askNext(id: number, query: Query): void {
    query.timer?.cancel();
    query.asked += 1;
    const server = query.servers[query.asked];
    if (!server || this.#isLate(query)) return this.#settle(id, query, null);
    const name = formatHostPort(server);
    const patience = this.#silent.has(name) && this.#hurries(query) ? silentPatienceMs : patienceMs;
    const silence = () => {
      if (this.#silent.size >= maxSilent) this.#silent.clear();
      this.#silent.add(name);
      this.#askNext(id, query);
    };
    query.timer = this.#deps.clock.after(patience, silence, { background: true });
    const bytes = Buffer.from(query.bytes);
    bytes.writeUInt16BE(id, 0);
    const { asked } = query;
    this.#servers.send(server, bytes, () => {
      if (this.queries.get(id) === query && query.asked === asked) this.#askNext(id, query);
    });
  }

  #isLate(query: Query): boolean {
    return this.#deps.clock.now() - query.askedAt >= standInAfterMs && this.#hurries(query);
  }

  #hurries({ head, isOwn }: Query): boolean {
    return isOwn || (this.#deps.standIn?.covers(head) ?? false);
  }

  #answered(server: string, bytes: Buffer): void {
    const head = readDnsHead(bytes);
    const query = head?.isResponse ? this.queries.get(head.id) : undefined;
    // Only an answer to this very question is believed (RFC 5452 §9.1).
    if (!head || !query || head.question !== query.head.question) return;
    if (!query.servers.slice(0, query.asked + 1).some((asked) => formatHostPort(asked) === server)) return;
    this.#silent.delete(server);
    const answer = Buffer.from(bytes);
    answer.writeUInt16BE(query.head.id, 0);
    this.#settle(head.id, query, answer);
  }

  #settle(id: number, query: Query, answer: Buffer | null): void {
    this.queries.delete(id);
    query.timer?.cancel();
    query.reply(answer);
  }

  /** Whoever waits for it asks the next one now. */
  #unreachable(server: string): void {
    for (const [id, query] of this.queries) {
      const asked = query.servers[query.asked];
      if (asked && formatHostPort(asked) === server) this.#askNext(id, query);
    }
  }

  close(): void {
    this.#closed = true;
    for (const query of this.queries.values()) query.timer?.cancel();
    this.queries.clear();
    this.#servers.close();
  }
}

function codeOf(answer: Buffer): number {
  return (answer[3] ?? 0) & 0x0f;
}
