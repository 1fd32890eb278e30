// The members as Serf counts them: who said that it would leave has left when it is gone, everybody else has failed. Intents
// carry Lamport times, so that an old one, heard late or from a partition, changes nothing.
//
//   alive ──leave intent──▶ leaving ──gone──▶ left          failed ──leave intent──▶ left
//     └────────gone────────▶ failed                          any ──seen alive──▶ alive

import type { HostPort } from "../../../core/address.ts";
import type { Clock } from "../../../core/clock.ts";
import { maxNameBytes, type SwimMember } from "../swim/member.ts";
import { decodeTags, type Tags } from "./tags.ts";

export type MeshStatus = "alive" | "leaving" | "left" | "failed";

/** A member as told to others: a value, never changed. */
export interface MeshMember {
  readonly name: string;
  readonly address: HostPort;
  readonly status: MeshStatus;
  readonly tags: Tags;
  /** Milliseconds since the Unix epoch at which it got this status. */
  readonly sinceMs: number;
}

export type RosterEvent = "join" | "update" | "leave" | "failed" | "reap";

/** Members that are gone are remembered for so long: the time in which they are tried again. */
const rememberMs = 24 * 3_600_000;
/** Intents about members that we do not know yet. */
const intentMs = 5 * 60_000;
const maxIntents = 4_096;
const maxRoster = 32_768;

interface Entry {
  member: SwimMember;
  status: MeshStatus;
  /** Lamport time of the last intent. */
  statusTime: number;
  /** On `clock.now()`. */
  changedAtMs: number;
  /** It had left, and has not said since that it joined: perhaps somebody was only late to tell that it was alive. */
  hadLeft: boolean;
}

interface Intent {
  readonly kind: "join" | "leave";
  readonly time: number;
  readonly atMs: number;
}

export class Roster {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #tell: (event: RosterEvent, member: MeshMember) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #intents = new Map<string, Intent>();

  constructor(clock: Clock, self: string, tell: (event: RosterEvent, member: MeshMember) => void) {
    this.#clock = clock;
    this.#self = self;
    this.#tell = tell;
  }

  get size(): number {
    return this.#entries.size;
  }

  members(): readonly MeshMember[] {
    return [...this.#entries.values()].map((entry) => this.#told(entry));
  }

  get(name: string): MeshMember | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined ? undefined : this.#told(entry);
  }

  /** Those that did not say that they would go. */
  failed(): readonly MeshMember[] {
    return this.members().filter((member) => member.status === "failed");
  }

  count(status: MeshStatus): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.status === status) count++;
    return count;
  }

  joined(member: SwimMember): void {
    const known = this.#entries.get(member.name);
    if (known === undefined && this.#entries.size >= maxRoster) return;
    const entry = known ?? { member, status: "failed", statusTime: 0, changedAtMs: 0, hadLeft: false };
    entry.member = member;
    entry.hadLeft = entry.status === "left";
    const intent = known === undefined ? this.#intents.get(member.name) : undefined;
    if (intent !== undefined) entry.statusTime = intent.time;
    this.#entries.set(member.name, entry);
    this.#change(entry, intent?.kind === "leave" ? "leaving" : "alive");
    this.#intents.delete(member.name);
    this.#tell("join", this.#told(entry));
  }

  updated(member: SwimMember): void {
    const entry = this.#entries.get(member.name);
    if (entry !== undefined) this.#tell("update", this.#told(entry));
  }

  gone(member: SwimMember): void {
    const entry = this.#entries.get(member.name);
    if (entry === undefined || entry.status === "failed" || entry.status === "left") return;
    const left = entry.status === "leaving" || member.state === "left" || entry.hadLeft;
    this.#change(entry, left ? "left" : "failed");
    this.#tell(left ? "leave" : "failed", this.#told(entry));
  }

  /** Whether the intent was news, and is worth telling on; `contradict`: it is about us, and we are staying. */
  leaveIntent(name: string, time: number, prune = false): "news" | "old" | "contradict" {
    const entry = this.#entries.get(name);
    if (entry === undefined) return this.#keepIntent(name, "leave", time);
    if (time <= entry.statusTime) return "old";
    if (name === this.#self && entry.status === "alive") return "contradict";
    entry.statusTime = time;
    if (entry.status === "alive") this.#change(entry, "leaving");
    else if (entry.status === "failed") {
      this.#change(entry, "left");
      this.#tell("leave", this.#told(entry));
    }
    if (prune && entry.status === "left") this.#forget(entry);
    return "news";
  }

  joinIntent(name: string, time: number): "news" | "old" {
    const entry = this.#entries.get(name);
    if (entry === undefined) return this.#keepIntent(name, "join", time);
    if (time <= entry.statusTime) return "old";
    entry.statusTime = time;
    entry.hadLeft = false;
    if (entry.status === "leaving") this.#change(entry, "alive");
    return "news";
  }

  /** We are leaving: from now on our own intent is not contradicted. */
  selfLeaving(time: number): void {
    const entry = this.#entries.get(this.#self);
    if (entry === undefined) return;
    entry.statusTime = time;
    this.#change(entry, "leaving");
  }

  statusTimes(): ReadonlyMap<string, number> {
    return new Map([...this.#entries].map(([name, { statusTime }]) => [name, statusTime]));
  }

  leftNames(): readonly string[] {
    return [...this.#entries].filter(([, { status }]) => status === "left").map(([name]) => name);
  }

  /** Forgets who has been gone for long, and intents that nobody came for. */
  reap(): void {
    const now = this.#clock.now();
    for (const entry of this.#entries.values())
      if ((entry.status === "failed" || entry.status === "left") && now - entry.changedAtMs > rememberMs)
        this.#forget(entry);
    for (const [name, intent] of this.#intents) if (now - intent.atMs > intentMs) this.#intents.delete(name);
  }

  #keepIntent(name: string, kind: "join" | "leave", time: number): "news" | "old" {
    const known = this.#intents.get(name);
    if (known !== undefined && time <= known.time) return "old";
    // Nobody with a longer name is ever known.
    if (known === undefined && (this.#intents.size >= maxIntents || name.length > maxNameBytes)) return "old";
    this.#intents.set(name, { kind, time, atMs: this.#clock.now() });
    return "news";
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.member.name);
    this.#tell("reap", this.#told(entry));
  }

  #change(entry: Entry, status: MeshStatus): void {
    entry.status = status;
    entry.changedAtMs = this.#clock.now();
  }

  #told({ member, status, changedAtMs }: Entry): MeshMember {
    return {
      name: member.name,
      address: { host: member.host, port: member.port },
      status,
      tags: decodeTags(member.meta),
      sinceMs: this.#clock.wallAt(changedAtMs),
    };
  }
}
