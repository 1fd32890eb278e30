// A member of a mesh: joins a pool of sidecars (or of Serf or Consul agents), says what it is by tags, hears who joins,
// leaves and fails, and tells small things to everybody.

import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { Random } from "../../core/random.ts";
import { type KeyAnswer, type KeyOperation, keyQuery, readKeyAnswer } from "./serf/key-requests.ts";
import type { QueryAnswer, QueryOptions } from "./serf/queries.ts";
import type { MeshMember } from "./serf/roster.ts";
import { type MeshAnswers, type MeshCounters, type MeshEvent, SerfNode } from "./serf/serf-node.ts";
import { encodeTags, type Tags } from "./serf/tags.ts";
import { maxNameBytes } from "./swim/member.ts";
import type { SwimTiming } from "./swim/timing.ts";
import { ourVersions } from "./swim/versions.ts";
import type { Transport } from "./transport.ts";
import { bytesOfHost } from "./wire/ip-bytes.ts";
import { Keyring } from "./wire/keyring.ts";

export type { KeyAnswer, KeyOperation } from "./serf/key-requests.ts";
export type { MeshQuestion, QueryAnswer, QueryOptions } from "./serf/queries.ts";
export type { MeshMember, MeshStatus } from "./serf/roster.ts";
export type { MeshAnswers, MeshCounters, MeshEvent } from "./serf/serf-node.ts";
export type { MeshBroadcast } from "./serf/user-events.ts";

export interface MeshOptions {
  /** Unique in the mesh: letters, digits, `.` and `-`, 128 at most. */
  readonly name: string;
  /** What the others are told about this member; 512 bytes encoded. */
  readonly tags: Tags;
  /** Where others reach us; left out: where the transport listens. */
  readonly advertise?: HostPort;
  /** AES keys of 16, 24 or 32 bytes, the primary first; none: nothing is encrypted. */
  readonly keys?: readonly Uint8Array[];
  /** Keeps meshes on one network apart; left out: none, as old agents have none. */
  readonly label?: string;
  readonly timing: SwimTiming;
}

export interface MeshDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Owned by the mesh from now on. */
  readonly transport: Transport;
  /** Must not throw. */
  readonly onEvent: (event: MeshEvent) => void;
  /** What other members are answered; left out: nothing. */
  readonly answers?: Partial<MeshAnswers>;
}

/** How each address of a join answered: null, or what went wrong. */
export type JoinResult = readonly { readonly address: HostPort; readonly problem: string | null }[];

const nameText = /^[A-Za-z0-9.-]{1,128}$/;
/** Addresses tried in one join. */
const maxJoins = 256;

export class Mesh {
  readonly #deps: MeshDeps;
  readonly #keyring: Keyring;
  readonly #node: SerfNode;
  readonly address: HostPort;
  #closed = false;

  /** Throws `bad_config`. Nothing is sent before `start`. */
  constructor(options: MeshOptions, deps: MeshDeps) {
    this.#deps = deps;
    this.address = options.advertise ?? deps.transport.address;
    this.#keyring = new Keyring(options.keys);
    this.#node = new SerfNode({
      clock: deps.clock,
      random: deps.random,
      transport: deps.transport,
      timing: options.timing,
      keyring: this.#keyring,
      label: options.label ?? "",
      tell: (event) => deps.onEvent(event),
      answers: {
        query: deps.answers?.query ?? (() => undefined),
        fetch: deps.answers?.fetch ?? ((_question, respond) => respond(null)),
      },
      self: {
        Incarnation: 1, // 0 would be ignored
        Node: checkedName(options.name),
        Addr: addressBytes(this.address),
        Port: this.address.port,
        Meta: encodeTags(options.tags),
        Vsn: ourVersions,
      },
    });
  }

  start(): void {
    this.#node.start();
  }

  /**
   * Exchanges states with the members at these addresses; resolves when each has answered or failed. An answer does not yet
   * mean that the pool took us in: `confirmed` says so.
   */
  join(addresses: readonly HostPort[]): Promise<JoinResult> {
    const tried = addresses.slice(0, maxJoins);
    return Promise.all(tried.map((address) => this.#joinOne(address)));
  }

  /** Tells the others that we leave; resolves when that was told, a few seconds at most. Then `close`. */
  leave(): Promise<void> {
    return new Promise((resolve) => this.#node.leave(resolve));
  }

  /** Without a word: to the others we failed, unless we left before. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#node.stop();
    await this.#deps.transport.close();
  }

  #joinOne(address: HostPort): Promise<JoinResult[number]> {
    return new Promise((resolve) => {
      const { port } = address;
      if (port < 1 || port > 65_535 || !Number.isInteger(port))
        return resolve({ address, problem: `expected a port from 1 to 65535, got ${port}` });
      this.#node.join(address, (problem) => resolve({ address, problem }));
    });
  }

  /** Everybody known, ourselves and the gone of the last day too. */
  members(): readonly MeshMember[] {
    return this.#node.roster.members();
  }

  counters(): MeshCounters {
    return this.#node.counters();
  }

  /**
   * Whether a member of the pool has asked after us by name: it takes us for a member. The answer to a join comes before the
   * pool has judged us, so a refusal looks like a success at first.
   */
  get confirmed(): boolean {
    return this.#node.swim.confirmed;
  }

  /** 0 is healthy; up to 7. */
  get awareness(): number {
    return this.#node.swim.awareness.score;
  }

  /** Throws `bad_message` beyond 512 bytes. */
  setTags(tags: Tags): void {
    this.#node.setTags(tags);
  }

  /** To everybody, ourselves too, once each. Throws `bad_message` beyond 1,024 bytes of name and payload. */
  broadcast(name: string, payload: Uint8Array): void {
    this.#node.broadcast(name, payload);
  }

  /** Resolves with the answers that came within the time. Rejects with `bad_message`. */
  query(name: string, payload: Uint8Array, options: QueryOptions): Promise<readonly QueryAnswer[]> {
    return new Promise((resolve, reject) => {
      if (this.#node.queries.ask(name, Buffer.from(payload), options, resolve)) return;
      reject(
        new UnderstudyError(
          "bad_message",
          `gossip query ${JSON.stringify(name)}: too large, or too many at once`,
        ),
      );
    });
  }

  /**
   * Asks the member of that name over a stream; up to 8 MiB either way. null: it has no answer. Rejects with `not_found` for
   * a member that is not alive, `connect_failed` where no answer came, `bad_message`.
   */
  fetch(
    member: string,
    name: string,
    payload: Uint8Array,
    options: { readonly timeoutMs: number },
  ): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      const to = this.#node.roster.get(member);
      if (to === undefined || (to.status !== "alive" && to.status !== "leaving"))
        throw new UnderstudyError(
          "not_found",
          `gossip: expected the name of a live member, got ${JSON.stringify(member)}`,
        );
      this.#node.fetch(to.address, { name, payload }, options.timeoutMs, (answer) => {
        if (answer === null || Buffer.isBuffer(answer)) return resolve(answer);
        reject(new UnderstudyError("connect_failed", `gossip: ${member} did not answer: ${answer.problem}`));
      });
    });
  }

  /** Changes the keys of every member, or lists them. Install everywhere, then use, then remove the old one. */
  async keys(
    operation: KeyOperation,
    key: Uint8Array | null,
    timeoutMs: number,
  ): Promise<readonly KeyAnswer[]> {
    const { name, payload } = keyQuery(operation, key);
    const answers = await this.query(name, payload, { timeoutMs });
    return answers.flatMap((answer) => readKeyAnswer(answer.from, answer.payload) ?? []);
  }
}

function checkedName(name: string): string {
  if (nameText.test(name) && name.length <= maxNameBytes) return name;
  throw new UnderstudyError(
    "bad_config",
    `gossip name: expected 1 to 128 letters, digits, "." and "-", got ${JSON.stringify(name)}`,
  );
}

function addressBytes(address: HostPort): Buffer {
  const bytes = bytesOfHost(address.host);
  if (bytes?.some((byte) => byte !== 0)) return bytes;
  throw new UnderstudyError(
    "bad_config",
    `gossip address: expected an address that others can reach, got ${formatHostPort(address)}`,
  );
}
