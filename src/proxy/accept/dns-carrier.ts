// Carries DNS queries over UDP from the inside of a namespace to the host's name servers, and the answers back.
// Knows no name itself: what it forwards is the command's own query, under an id of its own choosing.

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import { type DnsHead, readDnsHead, serverFailure } from "./dns-message.ts";

export interface DnsCarrierDeps {
  /** In the order in which they are tried; asked for at each query. */
  readonly nameservers: () => readonly HostPort[];
  readonly clock: Clock;
  readonly random: Random;
}

export interface DnsCarrier {
  /** Queries that wait for an answer. */
  pending(): number;
  /** Closes the sockets inside too. */
  close(): void;
}

// glibc asks again after 5 s: by then each of two servers has had its chance.
const patienceMs = 2_000;
const maxPending = 512;
const maxUpstreams = 16;

interface Query {
  readonly bytes: Buffer;
  readonly head: DnsHead;
  readonly servers: readonly HostPort[];
  readonly reply: (answer: Buffer) => void;
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
  /** One connected socket a server: the kernel then drops what others send, and tells when nobody listens. */
  readonly #upstreams = new Map<string, Socket>();
  #closed = false;

  constructor(deps: DnsCarrierDeps) {
    this.#deps = deps;
  }

  query(bytes: Buffer, reply: (answer: Buffer) => void): void {
    const head = readDnsHead(bytes);
    if (this.#closed || !head || head.isResponse) return;
    if (this.queries.size >= maxPending) return reply(serverFailure(bytes, head));
    // Ids are drawn at random, so that an answer cannot be forged by counting (RFC 5452 §4.3).
    let id = this.#deps.random.uint32() & 0xffff;
    while (this.queries.has(id)) id = (id + 1) & 0xffff;
    const query: Query = { bytes, head, servers: this.#deps.nameservers(), reply, asked: -1, timer: null };
    this.queries.set(id, query);
    this.#askNext(id, query);
  }

  #askNext(id: number, query: Query): void {
    query.timer?.cancel();
    query.asked += 1;
    const server = query.servers[query.asked];
    if (!server) return this.#settle(id, query, serverFailure(query.bytes, query.head));
    query.timer = this.#deps.clock.after(patienceMs, () => this.#askNext(id, query), { background: true });
    const bytes = Buffer.from(query.bytes);
    bytes.writeUInt16BE(id, 0);
    const asked = query.asked;
    this.#upstream(server, (socket) =>
      socket.send(bytes, (error) => {
        if (error && this.queries.get(id) === query && query.asked === asked) this.#askNext(id, query);
      }),
    );
  }

  #answered(server: string, bytes: Buffer): void {
    const head = readDnsHead(bytes);
    const query = head?.isResponse ? this.queries.get(head.id) : undefined;
    // Only an answer to this very question is believed (RFC 5452 §9.1).
    if (!head || !query || head.question !== query.head.question) return;
    if (!query.servers.slice(0, query.asked + 1).some((asked) => formatHostPort(asked) === server)) return;
    const answer = Buffer.from(bytes);
    answer.writeUInt16BE(query.head.id, 0);
    this.#settle(head.id, query, answer);
  }

  #settle(id: number, query: Query, answer: Buffer): void {
    this.queries.delete(id);
    query.timer?.cancel();
    query.reply(answer);
  }

  /** Nobody listens at `server`: whoever waits for it asks the next one now. */
  #unreachable(server: string): void {
    this.#drop(server);
    for (const [id, query] of this.queries) {
      const asked = query.servers[query.asked];
      if (asked && formatHostPort(asked) === server) this.#askNext(id, query);
    }
  }

  #upstream(server: HostPort, use: (socket: Socket) => void): void {
    const name = formatHostPort(server);
    const known = this.#upstreams.get(name);
    if (known) return whenConnected(known, use);
    const [oldest] = this.#upstreams.keys();
    if (this.#upstreams.size >= maxUpstreams && oldest !== undefined) this.#drop(oldest);
    const socket = createSocket(isIPv6(server.host) ? "udp6" : "udp4");
    this.#upstreams.set(name, socket);
    socket.unref();
    socket.on("error", () => this.#unreachable(name));
    socket.on("message", (bytes) => this.#answered(name, bytes));
    socket.connect(server.port, server.host);
    whenConnected(socket, use);
  }

  #drop(server: string): void {
    this.#upstreams.get(server)?.close();
    this.#upstreams.delete(server);
  }

  close(): void {
    this.#closed = true;
    for (const query of this.queries.values()) query.timer?.cancel();
    this.queries.clear();
    for (const server of [...this.#upstreams.keys()]) this.#drop(server);
  }
}

function whenConnected(socket: Socket, use: (socket: Socket) => void): void {
  try {
    socket.remoteAddress(); // throws while it is not connected
    use(socket);
  } catch {
    socket.once("connect", () => use(socket));
  }
}
