// Who is in the mesh, and the rules by which claims about members are believed: a claim with a higher incarnation wins,
// and only a member itself raises its own. What is believed is told on.
//
//            suspect(inc ≥)            time runs out, or dead(inc ≥)
//   alive ───────────────────▶ suspect ──────────────────────────────▶ dead
//     ▲  alive(inc >), from the member itself   │                       │
//     └─────────────────────────────────────────┴───────────────────────┘      dead whose From is the member: left

import type { Clock } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import { type Accusation, type Alive, accusationStruct, aliveStruct, messageType } from "../wire/messages.ts";
import type { Awareness } from "./awareness.ts";
import { hostOfClaim, isLive, MemberEntry, type SwimMember } from "./member.ts";
import { MemberList } from "./member-list.ts";
import { Suspicion } from "./suspicion.ts";
import { type SwimTiming, suspicionTimes } from "./timing.ts";
import { isImpossible } from "./versions.ts";

/** Members that the table holds; further ones are not believed. A state of as many, of usual size, fits into one stream. */
const maxMembers = 16_384;

/** What the wire holds. A forger can take us there; then nothing refutes him, here as with every peer. */
const maxIncarnation = 0xffff_ffff;
/** Members that look for themselves when somebody is suspected, on average. */
const secondLooks = 4;
/** Members that answer an accusation which they know to be old, on average, besides the accused. */
const corrections = 3;
/** The dead are looked through so often. */
const forgetEveryMs = 5_000;
/**
 * Who left is remembered for longer than the dead: somebody who was cut off meanwhile still believes it to be alive, and
 * would bring it back with the incarnation at which it left.
 */
const rememberLeftMs = 3_600_000;
const maxLeft = 128;

export interface MembershipDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: SwimTiming;
  readonly awareness: Awareness;
  /** Sends a message on, in place of what is still queued about that member. */
  readonly tell: (about: string, message: Buffer) => void;
  /** Probes a member out of turn. */
  readonly look: (member: SwimMember) => void;
  /** Sends a message to that member alone. */
  readonly correct: (member: SwimMember, message: Buffer) => void;
  /** One that was dead is alive again. */
  readonly returned: () => void;
  readonly observer: MembershipObserver;
}

export interface MembershipObserver {
  /** Alive, and was not before. */
  joined(member: SwimMember): void;
  /** Other meta. */
  updated(member: SwimMember): void;
  /** Dead or left; its state says which. */
  gone(member: SwimMember): void;
  /** Somebody else claims the name of `member` at another address. */
  conflict(member: SwimMember, claim: Alive): void;
  suspected(member: SwimMember, from: string): void;
  refuted(): void;
}

export class Membership {
  readonly #deps: MembershipDeps;
  readonly #suspicions = new Map<string, Suspicion>();
  readonly list: MemberList;
  readonly #self: MemberEntry;
  #forgetAtMs = 0;
  #live = 1;
  #leaving = false;

  /**
   * `self`: the first claim about this member. `known`: members of a former life, which are believed to be alive until they
   * do not answer; nothing is told of them.
   */
  constructor(deps: MembershipDeps, self: Alive, known: readonly Alive[] = []) {
    this.#deps = deps;
    this.list = new MemberList(deps.random);
    this.#self = new MemberEntry(self, hostOfClaim(self) ?? "", deps.clock.now());
    this.#self.incarnation = self.Incarnation;
    this.#self.state = "alive";
    this.list.add(this.#self);
    for (const claim of known) this.#remember(claim);
  }

  get self(): SwimMember {
    return this.#self;
  }

  /** Alive and suspected ones, ourselves among them. */
  get live(): number {
    return this.#live;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** A claim that a member is alive. */
  alive(claim: Alive): void {
    if (this.#leaving && claim.Node === this.#self.name) return;
    const host = hostOfClaim(claim);
    if (host === null || isImpossible(claim.Vsn)) return;
    const entry = this.list.get(claim.Node) ?? this.#newEntry(claim, host);
    if (entry === null) return;
    const moved = !entry.addr.equals(claim.Addr) || entry.port !== claim.Port;
    if (moved && !this.#mayMove(entry)) return this.#deps.observer.conflict(entry, claim);
    if (entry === this.#self) return this.#aliveSelf(claim);
    if (claim.Incarnation <= entry.incarnation && !moved) return;
    this.#believe(entry, claim, host);
  }

  /** A claim that a member does not answer. */
  suspect(claim: Accusation): void {
    const entry = this.list.get(claim.Node);
    if (entry === undefined || this.#isOld(entry, claim)) return;
    const running = this.#suspicions.get(entry.name);
    if (running !== undefined) {
      if (running.confirm(claim.From)) this.#tellAccusation(messageType.suspect, claim);
      return;
    }
    if (entry.state !== "alive") return;
    if (entry === this.#self) return this.#refute(claim.Incarnation);
    entry.incarnation = claim.Incarnation;
    this.#change(entry, "suspect");
    this.#tellAccusation(messageType.suspect, claim);
    this.#startSuspicion(entry, claim.From);
    this.#lookAgain(entry);
    this.#deps.observer.suspected(entry, claim.From);
  }

  /** A claim that a member is gone; it left where the claim is its own. */
  dead(claim: Accusation): void {
    const entry = this.list.get(claim.Node);
    if (entry === undefined || this.#isOld(entry, claim) || !isLive(entry)) return;
    this.#endSuspicion(entry);
    if (entry === this.#self && !this.#leaving) return this.#refute(claim.Incarnation);
    entry.incarnation = claim.Incarnation;
    this.#change(entry, claim.From === claim.Node ? "left" : "dead");
    this.#tellAccusation(messageType.dead, claim);
    this.#deps.observer.gone(entry);
  }

  /** Says that our own meta is another now. */
  setMeta(meta: Buffer): void {
    this.#self.meta = meta;
    this.#self.incarnation = Math.min(maxIncarnation, this.#self.incarnation + 1);
    this.#tellAlive();
  }

  /** From here on we are going: what is said about us is not contradicted any more. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const { name, incarnation } = this.#self;
    this.dead({ Incarnation: incarnation, Node: name, From: name });
  }

  /** The next member to probe. */
  nextToProbe(): SwimMember | null {
    this.#forgetTheDead();
    const { clock, timing } = this.#deps;
    const steps = Math.floor(clock.wall() / timing.probeIntervalMs);
    return this.list.after(this.#self, steps, (entry) => entry !== this.#self && isLive(entry));
  }

  /** A member answered us. True where we suspect it nevertheless: we have not heard what it says to that. */
  answered(name: string): boolean {
    const suspicion = this.#suspicions.get(name);
    suspicion?.answered();
    return suspicion !== undefined;
  }

  /** Tells everybody that we are here. */
  announce(): void {
    this.#tellAlive();
  }

  /** Ends all timers. */
  stop(): void {
    for (const suspicion of this.#suspicions.values()) suspicion.cancel();
    this.#suspicions.clear();
  }

  #remember(claim: Alive): void {
    const host = hostOfClaim(claim);
    if (host === null || this.list.get(claim.Node) !== undefined || this.list.size >= maxMembers) return;
    const entry = new MemberEntry(claim, host, this.#deps.clock.now());
    entry.incarnation = claim.Incarnation;
    this.list.add(entry);
    this.#change(entry, "alive");
  }

  #newEntry(claim: Alive, host: string): MemberEntry | null {
    if (this.list.size >= maxMembers) return null;
    const entry = new MemberEntry(owned(claim), host, this.#deps.clock.now());
    this.list.add(entry);
    return entry;
  }

  /** A new address is taken only from who left, or has been dead for as long as we remember the dead. */
  #mayMove(entry: MemberEntry): boolean {
    if (entry.state === "left") return true;
    return (
      entry.state === "dead" &&
      this.#deps.clock.now() - entry.changedAtMs > this.#deps.timing.gossipToTheDeadMs
    );
  }

  #aliveSelf(claim: Alive): void {
    const self = this.#self;
    if (claim.Incarnation < self.incarnation) return;
    const same = claim.Meta.equals(self.meta) && claim.Vsn.equals(self.vsn);
    if (claim.Incarnation === self.incarnation && same) return;
    this.#refute(claim.Incarnation);
  }

  #believe(entry: MemberEntry, claim: Alive, host: string): void {
    this.#endSuspicion(entry);
    const returns = entry.state === "dead" && entry.incarnation > 0;
    const otherMeta = !entry.meta.equals(claim.Meta);
    const was = entry.state;
    const { Addr, Meta, Vsn } = owned(claim);
    Object.assign(entry, { incarnation: claim.Incarnation, addr: Addr, host, port: claim.Port, meta: Meta });
    if (Vsn.length > 0) entry.vsn = Vsn;
    if (was !== "alive") this.#change(entry, "alive");
    this.#deps.tell(entry.name, aliveStruct.message(messageType.alive, claim));
    if (returns) this.#deps.returned();
    if (was === "dead" || was === "left") this.#deps.observer.joined(entry);
    else if (otherMeta) this.#deps.observer.updated(entry);
  }

  #startSuspicion(entry: MemberEntry, from: string): void {
    const { clock, timing } = this.#deps;
    const times = suspicionTimes(timing, this.#live, this.#live);
    const suspicion = new Suspicion(clock, times, from, {
      look: () => this.#deps.look(entry),
      dead: () => {
        if (entry.state !== "suspect") return;
        this.dead({ Incarnation: entry.incarnation, Node: entry.name, From: this.#self.name });
      },
    });
    this.#suspicions.set(entry.name, suspicion);
  }

  /**
   * Whether it is about a former incarnation. Who says so has missed how that was refuted, and would go on to call the member
   * dead all alone: the accused tells it, and a few others do by chance, since that too may be lost.
   */
  #isOld(entry: MemberEntry, claim: Accusation): boolean {
    if (claim.Incarnation >= entry.incarnation) return false;
    const accuser = this.list.get(claim.From);
    const mayTell =
      entry.state === "alive" && accuser !== undefined && accuser !== this.#self && isLive(accuser);
    const isOurs = entry === this.#self || this.#deps.random.next() < corrections / this.#live;
    if (mayTell && accuser !== entry && isOurs)
      this.#deps.correct(accuser, aliveStruct.message(messageType.alive, entry.aliveMessage()));
    return true;
  }

  /**
   * A few members look at once for themselves, instead of when their list comes to it: the dead one is confirmed sooner, and
   * the living one hears sooner what it has to refute. How many is a matter of chance, so that nobody has to be asked.
   */
  #lookAgain(entry: MemberEntry): void {
    if (this.#deps.random.next() < secondLooks / this.#live) this.#deps.look(entry);
  }

  #forgetTheDead(): void {
    const now = this.#deps.clock.now();
    if (this.list.size === this.#live || now < this.#forgetAtMs) return;
    this.#forgetAtMs = now + forgetEveryMs;
    const longAgo = now - this.#deps.timing.gossipToTheDeadMs;
    const left = this.list
      .all()
      .filter((entry) => entry.state === "left" && entry.changedAtMs > now - rememberLeftMs);
    const remembered = new Set(left.toSorted((a, b) => b.changedAtMs - a.changedAtMs).slice(0, maxLeft));
    this.list.retain(
      (entry) =>
        isLive(entry) || entry === this.#self || entry.changedAtMs > longAgo || remembered.has(entry),
    );
  }

  #endSuspicion(entry: MemberEntry): void {
    this.#suspicions.get(entry.name)?.cancel();
    this.#suspicions.delete(entry.name);
  }

  #change(entry: MemberEntry, state: MemberEntry["state"]): void {
    const wasLive = isLive(entry);
    entry.state = state;
    entry.changedAtMs = this.#deps.clock.now();
    this.#live += Number(isLive(entry)) - Number(wasLive);
  }

  #refute(accused: number): void {
    this.#self.incarnation = Math.min(maxIncarnation, Math.max(this.#self.incarnation, accused) + 1);
    this.#deps.awareness.change(1);
    this.#tellAlive();
    this.#deps.observer.refuted();
  }

  #tellAlive(): void {
    this.#deps.tell(this.#self.name, aliveStruct.message(messageType.alive, this.#self.aliveMessage()));
  }

  #tellAccusation(type: number, claim: Accusation): void {
    this.#deps.tell(claim.Node, accusationStruct.message(type, claim));
  }
}

/** Without views into a packet, which would be kept alive by them. */
function owned(claim: Alive): Alive {
  return {
    ...claim,
    Addr: Buffer.from(claim.Addr),
    Meta: Buffer.from(claim.Meta),
    Vsn: Buffer.from(claim.Vsn),
  };
}
