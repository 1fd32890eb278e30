// A sidecar as a member of the mesh: what it says of itself, whom it knows, what it tells everybody, and how it leaves. All of
// it beside the traffic: what fails here is told, mended where that can be, and harms nobody.

import { formatHostPort, type HostPort } from "../../../core/address.ts";
import { type Clock, sleep, type Timer } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import type { JoinTarget } from "../../../core/join-target.ts";
import type { Random } from "../../../core/random.ts";
import type { Tap } from "../../../core/tap.ts";
import type { MeshBroadcast, MeshEvent, MeshMember } from "../mesh.ts";
import { lanTiming } from "../swim/timing.ts";
import type { MeshState, Question, RequestName, Requests } from "../worker/channel.ts";
import type { JoinSources } from "./join-addresses.ts";
import { Joiner } from "./joiner.ts";
import { writeKeyring } from "./keyring-file.ts";
import { MeshHost } from "./mesh-host.ts";
import { RosterCopy } from "./roster-copy.ts";
import { type SidecarFacts, sidecarOfTags, tagsOfSidecar } from "./sidecar-tags.ts";

export interface SidecarMemberOptions {
  readonly bind: HostPort;
  /** null: where it listens. */
  readonly advertise: HostPort | null;
  readonly name: string;
  readonly keys: readonly Uint8Array[];
  /** Where rotated keys are kept; null: they are not. */
  readonly keyFile: string | null;
  /** Keeps meshes on one network apart; null: none. */
  readonly label: string | null;
  /** Whether a mesh without keys may be reached from other machines. */
  readonly openWithoutKeys: boolean;
  readonly join: readonly JoinTarget[];
}

export interface SidecarMemberDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly tap: Tap;
  readonly sources: JoinSources;
  /** What there is to say now. */
  readonly facts: () => SidecarFacts;
  /** Of every member, our own too, whenever something about it is news. */
  readonly onMember: (member: MeshMember, facts: SidecarFacts) => void;
  readonly onBroadcast: (broadcast: MeshBroadcast) => void;
  readonly onQuestion: (question: Question) => Promise<Uint8Array | null> | Uint8Array | null;
  /** An id that nobody else has. */
  readonly newId: () => string;
}

/** The mesh as one member sees it. */
export interface MeshReport {
  readonly name: string;
  readonly address: HostPort | null;
  readonly encrypted: boolean;
  /** Why there is no mesh, or nobody in it; "" where all is well. */
  readonly problem: string;
  readonly members: readonly { readonly member: MeshMember; readonly sidecar: SidecarFacts | null }[];
  /** null while there is no mesh. */
  readonly state: MeshState | null;
}

/** Changes of what we say are gathered for so long. */
const gatherMs = 20;
/** And told so often at most, but for what stops faults. */
const betweenMs = 1_000;
const refreshMs = 10_000;
const answerMs = 2_000;
const leaveMs = 6_000;

export class SidecarMember {
  readonly #options: SidecarMemberOptions;
  readonly #deps: SidecarMemberDeps;
  readonly #host: MeshHost;
  readonly #joiner: Joiner;
  readonly #roster = new RosterCopy();
  readonly #stop = new AbortController();
  #keys: readonly Uint8Array[];
  #state: MeshState | null = null;
  #said = "";
  #saidAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: SidecarMemberOptions, deps: SidecarMemberDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#keys = options.keys;
    this.#host = new MeshHost({
      clock: deps.clock,
      setup: () => this.#setup(),
      restarted: () => this.#began(),
      trouble: (message) => this.#trouble(message),
    });
    this.#joiner = new Joiner({
      ...{ clock: deps.clock, random: deps.random, sources: deps.sources },
      targets: options.join,
      self: () => this.address,
      company: () => this.#roster.company(options.name),
      join: (addresses) => this.#host.request("join", { addresses }),
    });
  }

  /** `mustWork`: rejects with `bad_config` where the member cannot be opened; otherwise that is told, and tried again. */
  async start(mustWork: boolean): Promise<void> {
    try {
      await this.#host.start();
      this.#began();
    } catch (thrown) {
      if (mustWork) throw thrown;
      this.#trouble(messageOf(thrown));
      void this.#host.keepStarting(messageOf(thrown));
    }
    void this.#joiner.keep(this.#stop.signal);
    void this.#keepFresh();
  }

  /** Resolves when the first attempt to join is over. */
  get tried(): Promise<void> {
    return this.#joiner.tried;
  }

  /** Whether there may be others of whom we have not heard: not asked yet, or nobody answered. */
  get isLost(): boolean {
    return this.#host.problem !== "" || !this.#joiner.hasTried || this.#joiner.problem !== "";
  }

  get name(): string {
    return this.#options.name;
  }

  /** null while there is no mesh. */
  get address(): HostPort | null {
    return this.#host.address;
  }

  /** As last heard. */
  get members(): readonly MeshMember[] {
    return this.#roster.all();
  }

  /** What is said of us is no longer true. `atOnce`: others have to know now. */
  changed(atOnce = false): void {
    const { clock } = this.#deps;
    this.#timer?.cancel();
    const restMs = atOnce ? 0 : Math.max(gatherMs, this.#saidAt + betweenMs - clock.now());
    this.#timer = clock.after(restMs, () => void this.#say(), { background: true });
  }

  /** To everybody, once each; name and payload 1,024 bytes at most. Fails silently while there is no mesh. */
  broadcast(name: string, payload: Uint8Array): void {
    this.#host.request("broadcast", { name, payload }).catch(() => undefined);
  }

  /** For what the mesh offers beside this: queries, fetches, keys. Rejects with `aborted` while there is no mesh. */
  request<N extends RequestName>(name: N, args: Requests[N]["args"]): Promise<Requests[N]["result"]> {
    return this.#host.request(name, args);
  }

  /** Asks the mesh anew, for two seconds at most; then it is what was known before. */
  async report(): Promise<MeshReport> {
    await this.#refresh();
    const members = this.#roster.all().map((member) => ({ member, sidecar: sidecarOfTags(member.tags) }));
    const { address, problem } = this.#host;
    return {
      ...{ name: this.name, address, members, state: problem === "" ? this.#state : null },
      encrypted: this.#keys.length > 0,
      problem: problem === "" ? this.#joiner.problem : problem,
    };
  }

  /** As last heard; never waits. */
  standing(): string {
    const { problem, address } = this.#host;
    if (address === null) return `mesh: away: ${problem}`;
    const members = this.#roster.all().filter(({ status }) => status !== "left");
    const alive = members.filter(({ status }) => status === "alive").length;
    const trouble = this.#joiner.problem === "" ? "" : `; nobody could be joined: ${this.#joiner.problem}`;
    return `mesh: ${alive} of ${members.length} members alive, as ${this.name} at ${formatHostPort(address)}${trouble}`;
  }

  /** Tells the others that we go. A few seconds; never rejects. */
  async leave(): Promise<void> {
    await this.#within(leaveMs, this.#host.request("leave", {})).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    await this.#host.close();
    await this.#saving;
  }

  #setup() {
    const { bind, advertise, name, label, openWithoutKeys } = this.#options;
    return {
      ...{ bind, name, openWithoutKeys, keys: this.#keys, label: label ?? "", timing: lanTiming },
      ...(advertise === null ? {} : { advertise }),
      tags: tagsOfSidecar(this.#deps.facts()),
      onEvent: (event: MeshEvent) => this.#heard(event),
      onQuestion: this.#deps.onQuestion,
    };
  }

  #began(): void {
    this.#roster.replace([]);
    this.#said = "";
    this.changed(true);
    void this.#refresh();
  }

  async #say(): Promise<void> {
    const tags = tagsOfSidecar(this.#deps.facts());
    const text = JSON.stringify([...tags]);
    if (text === this.#said || this.#host.problem !== "") return;
    this.#said = text;
    this.#saidAt = this.#deps.clock.now();
    await this.#host.request("set-tags", { tags }).catch((thrown) => {
      this.#said = "";
      this.#trouble(messageOf(thrown));
    });
  }

  #heard(event: MeshEvent): void {
    this.#roster.apply(event);
    switch (event.kind) {
      case "broadcast":
        return this.#deps.onBroadcast(event.broadcast);
      case "conflict":
        return this.#trouble(
          `${formatHostPort(event.claimedFrom)} claims to be ${event.member}, which is another member's name`,
        );
      case "keys":
        return this.#keep(event.keys);
      case "join":
      case "update":
        return this.#tellMember(event.member);
      case "leave":
      case "failed":
      case "reap":
        return;
      default:
        return event satisfies never;
    }
  }

  #tellMember(member: MeshMember): void {
    const facts = sidecarOfTags(member.tags);
    if (facts !== null) this.#deps.onMember(member, facts);
  }

  #keep(keys: readonly Uint8Array[]): void {
    this.#keys = keys;
    const { keyFile } = this.#options;
    if (keyFile === null) return;
    this.#saving = this.#saving.then(() =>
      writeKeyring(keyFile, keys, this.#deps.newId()).catch((thrown) =>
        this.#trouble(`the rotated keys are not kept: ${messageOf(thrown)}`),
      ),
    );
  }

  async #keepFresh(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(this.#deps.clock, refreshMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#refresh();
    }
  }

  /** Events may have been lost; what the mesh knows is what counts. Never rejects. */
  async #refresh(): Promise<void> {
    const asked = Promise.all([this.#host.request("members", {}), this.#host.request("state", {})]);
    const answer = await this.#within(answerMs, asked).catch(() => null);
    if (answer === null) return;
    const [members, state] = answer;
    this.#roster.replace(members);
    this.#state = state;
    for (const member of members) this.#tellMember(member);
  }

  /** Rejects when the time is up. */
  async #within<T>(ms: number, work: Promise<T>): Promise<T> {
    const done = new AbortController();
    const { clock } = this.#deps;
    const late = sleep(clock, ms, done.signal).then(() => Promise.reject(new Error("no answer in time")));
    try {
      return await Promise.race([work, late]);
    } finally {
      done.abort();
      late.catch(() => undefined);
      work.catch(() => undefined);
    }
  }

  #trouble(message: string): void {
    this.#deps.tap.observe({ kind: "trouble", area: "mesh", message });
  }
}
