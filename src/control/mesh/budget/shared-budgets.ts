// `maxActive` for the mesh: the members that have the same rule divide its calls at once among them, by what each says it
// could use. Every decision is made from what was heard last; no call waits for anybody.
//
//   calls ──use──▶ demand ──want, held──▶ broadcast ──▶ figures of all ──▶ share ──▶ limit ──▶ calls
//
// A member allows itself its share, and never what others say they hold; less at once, more only when the others have had the
// time to say otherwise. What a failed member held stays untouched for an hour: it may live beyond a cut.

import type { CallBudgets } from "../../../core/call-budget.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import { noRules, type RuleSet } from "../../../core/rule-set.ts";
import type { MeshMember } from "../mesh.ts";
import { type BudgetedRule, budgetedRules } from "./budgeted-rules.ts";
import { type Crowd, crowdOf } from "./crowd.ts";
import { Demand } from "./demand.ts";
import { FigureTable, maxMembers } from "./figure-table.ts";
import {
  encodeFigures,
  encodeTable,
  type Figures,
  maxToldRules,
  parseFigures,
  parseTable,
} from "./figures.ts";
import { ShareLimit } from "./share-limit.ts";
import { type Holder, heldBy, ownShare, shareOut } from "./share-out.ts";

export interface SharedBudgetsDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Our name. */
  readonly self: string;
  /** The rules in force. */
  readonly rules: () => RuleSet;
  readonly calls: CallBudgets;
  readonly members: () => readonly MeshMember[];
  /** Whether there may be others of whom we have not heard: not asked yet, or nobody answered. */
  readonly isLost: () => boolean;
  /** To everybody, ourselves too; may get lost. */
  readonly say: (payload: Uint8Array) => void;
  /** The table of another member; null: no answer. Must not reject. */
  readonly ask: (member: string) => Promise<Uint8Array | null>;
}

/** One rule, for people. */
export interface BudgetReport {
  readonly rule: string;
  readonly maxActive: number;
  readonly active: number;
  /** What this sidecar allows itself. */
  readonly share: number;
  /** What the others say they hold. */
  readonly others: number;
  /** What failed members held, and nobody uses. */
  readonly withheld: number;
}

interface Kept extends BudgetedRule {
  readonly limit: ShareLimit;
  readonly demand: Demand;
  /** False beyond the rules that fit into a broadcast: those are divided equally. */
  readonly told: boolean;
  active: number;
}

const tickMs = 500;
/** Between two looks at the table of somebody else, by chance half to one and a half times. */
const compareMs = 20_000;
/** Larger budgets are not told, and divided equally. */
const maxTold = 999_999;
/** So often somebody new asks, at most, before it believes that nobody has anything to say. */
const firstAsks = 3;
const firstAskMs = 1_000;
/** What was never said. */
const unsaid = "";

export class SharedBudgets {
  readonly #deps: SharedBudgetsDeps;
  readonly #table = new FigureTable();
  #of: RuleSet = noRules;
  #kept: readonly Kept[] = [];
  #crowd: Crowd;
  /** When somebody else was first there. */
  #companySinceMs: number | null = null;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #said = "[]";
  #seq = 0;
  #compareAtMs = 0;
  /** Tables of others that were asked for; those that came count as many. */
  #compared = 0;

  constructor(deps: SharedBudgetsDeps) {
    this.#deps = deps;
    this.#crowd = { alive: new Set([deps.self]), ghosts: new Set() };
  }

  /** Until the signal aborts. Never rejects. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.refresh();
      await this.#compare(signal);
      await sleep(this.#deps.clock, tickMs, signal).catch(() => undefined);
    }
  }

  /** Works the limits out anew: at each tick, and as soon as other rules are in force. */
  refresh(): void {
    const { clock, self, rules, members } = this.#deps;
    const set = rules();
    const nowMs = clock.now();
    const isIdle = set === this.#of && this.#kept.length === 0 && this.#said === "[]";
    if (isIdle && this.#companySinceMs !== null) return;
    this.#crowd = crowdOf(members(), self, clock.wall());
    if (this.#crowd.alive.size > 1) this.#companySinceMs ??= nowMs;
    if (isIdle) return;
    if (set !== this.#of) this.#adopt(set, nowMs);
    for (const kept of this.#kept) this.#settle(kept, nowMs);
    this.#tell(nowMs);
  }

  /** What some member said to everybody. */
  hear(payload: Uint8Array): void {
    const figures = parseFigures(payload);
    if (figures !== null) this.#take(figures);
  }

  /** All that is known, for a member that asks. */
  table(): Uint8Array {
    return encodeTable(this.#table.all());
  }

  report(): readonly BudgetReport[] {
    return this.#kept.map((kept) => ({
      ...{ rule: kept.name, maxActive: kept.maxActive, active: kept.active, share: kept.limit.value },
      others: heldBy(this.#figuresOf(kept, this.#crowd.alive)),
      withheld: heldBy(this.#figuresOf(kept, this.#crowd.ghosts)),
    }));
  }

  /** Our own figures show only which numbers an earlier life of ours has used: others may go by them, so we speak again. */
  #take(figures: Figures): void {
    if (figures.from !== this.#deps.self) this.#table.hear(figures, this.#deps.clock.now());
    else if (figures.seq > this.#seq) {
      this.#seq = figures.seq;
      this.#said = unsaid;
    }
  }

  #adopt(set: RuleSet, nowMs: number): void {
    this.#of = set;
    const before = new Map(this.#kept.map((kept) => [kept.key, kept]));
    const rules = budgetedRules(set);
    const names = new Set(rules.map(({ name }) => name));
    for (const { name } of this.#kept) if (!names.has(name)) this.#deps.calls.setShare(name, null);
    this.#kept = rules.map((rule, index) => {
      const told = index < maxToldRules && rule.maxActive <= maxTold;
      const known = before.get(rule.key);
      if (known?.told === told) return known;
      const limit = new ShareLimit(this.#firstShare(rule, nowMs));
      return { ...rule, told, limit, demand: new Demand(rule.maxActive, nowMs), active: 0 };
    });
  }

  /**
   * A rule that is new to everybody is divided equally among all, whom it concerns or not, so that nobody has to be heard
   * first. Of one that others share already we have nothing until they have made room.
   */
  #firstShare({ key, maxActive }: BudgetedRule, nowMs: number): number {
    const { alive } = this.#crowd;
    const settledMs = nowMs - this.#settleMs();
    const isNewHere = this.#companySinceMs === null || this.#companySinceMs > settledMs;
    if (isNewHere || this.#table.sharedSince(key, this.#deps.self) < settledMs) return 0;
    return this.#equalPart(key, maxActive, alive);
  }

  #equalPart(key: string, total: number, names: ReadonlySet<string>): number {
    const sharers = [...names].map((name) => ({ name, want: 0 }));
    return shareOut(total, sharers, key).get(this.#deps.self) ?? 0;
  }

  #settle(kept: Kept, nowMs: number): void {
    const { calls, isLost } = this.#deps;
    const use = calls.look(kept.name);
    kept.active = use.active;
    kept.demand.note(use, nowMs);
    if (this.#companySinceMs === null) kept.limit.jump(isLost() ? 0 : kept.maxActive);
    else kept.limit.aim(this.#target(kept), nowMs, this.#settleMs());
    calls.setShare(kept.name, kept.limit.value);
  }

  #target(kept: Kept): number {
    const target = kept.told ? this.#room(kept) : this.#blindRoom(kept);
    // Somebody new that has heard no table, or whose mesh was started anew, does not know who holds what.
    const { alive, ghosts } = this.#crowd;
    const hasNotAsked = this.#compared < firstAsks && alive.size + ghosts.size > 1;
    const isIgnorant = hasNotAsked || this.#deps.members().length <= 1;
    return isIgnorant ? Math.min(target, kept.limit.value) : target;
  }

  /** Our share of what failed members do not hold, as far as the others do not hold it. */
  #room(kept: Kept): number {
    const { self } = this.#deps;
    const total = Math.max(0, kept.maxActive - heldBy(this.#figuresOf(kept, this.#crowd.ghosts)));
    const others = this.#figuresOf(kept, this.#crowd.alive);
    const share = ownShare(total, { name: self, want: kept.demand.want }, others, kept.key);
    return Math.max(0, Math.min(share, total - heldBy(others)));
  }

  #blindRoom({ key, maxActive }: Kept): number {
    const { alive, ghosts } = this.#crowd;
    return this.#equalPart(key, maxActive, new Set([...alive, ...ghosts]));
  }

  #figuresOf({ key }: Kept, names: ReadonlySet<string>): readonly Holder[] {
    const found: Holder[] = [];
    for (const name of names) {
      const figure = name === this.#deps.self ? undefined : this.#table.figure(name, key);
      if (figure !== undefined) found.push({ name, ...figure });
    }
    return found;
  }

  /** Seldom enough for a large mesh: it remembers some hundred broadcasts. */
  #betweenMs(): number {
    return Math.max(1_000, 10 * this.#crowd.alive.size);
  }

  /** For so long everybody must have agreed to more: the others hear of us, and say what they make of it. */
  #settleMs(): number {
    const spreadMs = Math.max(1_000, 300 * Math.log2(this.#crowd.alive.size + 1));
    return this.#betweenMs() + spreadMs;
  }

  /** Our own figures where they are others than those that were told. */
  #tell(nowMs: number): void {
    const { self, say, clock } = this.#deps;
    const told = this.#kept.filter((kept) => kept.told);
    const rules = new Map(
      told.map(({ key, demand, limit, active }) => [
        key,
        { want: demand.want, held: Math.max(limit.value, active) },
      ]),
    );
    const text = JSON.stringify([...rules.values(), ...rules.keys()]);
    const isAlone = this.#companySinceMs === null;
    if (isAlone || text === this.#said || nowMs - this.#saidAtMs < this.#betweenMs()) return;
    this.#said = text;
    this.#saidAtMs = nowMs;
    // Past what an earlier life of ours said, even where the clock was set back since.
    this.#seq = Math.max(Math.floor(clock.wall()), this.#seq + 1);
    const figures = { from: self, seq: this.#seq, rules };
    this.#table.hear(figures, nowMs);
    say(encodeFigures(figures));
  }

  /** Broadcasts get lost: now and then somebody's table is looked through. */
  async #compare(signal: AbortSignal): Promise<void> {
    const { clock, random, self, ask, members } = this.#deps;
    const others = [...this.#crowd.alive].filter((name) => name !== self);
    if (this.#kept.length === 0 || others.length === 0 || clock.now() < this.#compareAtMs) return;
    this.#compareAtMs = clock.now() + compareMs * (0.5 + random.next());
    const known = new Set(members().flatMap(({ name, status }) => (status === "left" ? [] : [name])));
    this.#table.keep((name) => name === self || known.has(name));
    const one = others[random.uint32() % others.length];
    const table = one === undefined ? null : await ask(one);
    if (signal.aborted) return;
    this.#compared += table === null ? 1 : firstAsks;
    if (this.#compared < firstAsks) this.#compareAtMs = clock.now() + firstAskMs;
    for (const figures of table === null ? [] : parseTable(table, maxMembers)) this.#take(figures);
  }
}
