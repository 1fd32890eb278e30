// Members that share budgets, on manual time: their broadcasts take a while, may be lost, and do not cross a cut.

import { SharedBudgets } from "../../../../src/control/mesh/budget/shared-budgets.ts";
import type { MeshMember, MeshStatus } from "../../../../src/control/mesh/mesh.ts";
import type { Random } from "../../../../src/core/random.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { noRules, type RuleSet } from "../../../../src/core/rule-set.ts";
import { ActiveCalls, type ActiveCount } from "../../../../src/proxy/perform/active-calls.ts";
import { type ManualClock, manualClock } from "../../../support/manual-clock.ts";
import { ruleSpec } from "../../../support/rule-spec.ts";

export const rule = "slow";

/** A set of one rule with that bound. */
export function bounded(maxActive: number, name = rule): RuleSet {
  const spec = ruleSpec({ name });
  const scoped = { ...spec, scope: { ...spec.scope, maxActive } };
  return { ...noRules, rules: [{ spec: scoped, rank: 0, effects: [], terminal: { kind: "relay" } }] };
}

export class SharingMember {
  readonly name: string;
  readonly calls = new ActiveCalls(true);
  readonly budgets: SharedBudgets;
  readonly stop = new AbortController();
  readonly statuses = new Map<string, { status: MeshStatus; sinceMs: number }>();
  readonly under: ActiveCount[] = [];
  rules: RuleSet = noRules;
  isLost = false;
  said = 0;

  constructor(name: string, mesh: SharingMesh) {
    this.name = name;
    this.budgets = new SharedBudgets({
      clock: mesh.clock,
      random: mesh.random,
      self: name,
      rules: () => this.rules,
      calls: this.calls,
      members: () => mesh.membersOf(this),
      isLost: () => this.isLost,
      say: (payload) => {
        this.said++;
        mesh.spread(this, payload);
      },
      ask: async (other) => mesh.tableOf(this, other),
    });
    void this.budgets.keep(this.stop.signal);
  }

  /** As many more calls as find room, `most` at most. */
  begin(most: number, maxActive: number): void {
    for (let i = 0; i < most && this.calls.hasRoom(rule, maxActive); i++)
      this.under.push(this.calls.enter(rule));
  }

  end(count = this.under.length): void {
    for (const one of this.under.splice(0, count)) this.calls.leave(rule, one);
  }

  adopt(rules: RuleSet): void {
    this.rules = rules;
    this.budgets.refresh();
  }
}

export class SharingMesh {
  readonly clock: ManualClock = manualClock();
  readonly random: Random;
  readonly members: SharingMember[] = [];
  /** Longest time that a broadcast takes. */
  spreadMs = 900;
  lossPercent = 0;
  /** Members of different sides do not hear each other. */
  sideOf: (name: string) => number = () => 0;

  constructor(seed: number, names: readonly string[]) {
    this.random = seededRandom(seed);
    for (const name of names) this.add(name);
  }

  add(name: string): SharingMember {
    const member = new SharingMember(name, this);
    this.members.push(member);
    const at = { status: "alive" as const, sinceMs: this.clock.wall() };
    for (const one of this.members) {
      one.statuses.set(name, at);
      member.statuses.set(one.name, at);
    }
    return member;
  }

  /** What `who` takes the other for, from now on. */
  judge(who: SharingMember, name: string, status: MeshStatus): void {
    who.statuses.set(name, { status, sinceMs: this.clock.wall() });
  }

  get active(): number {
    return this.members.reduce((sum, { under }) => sum + under.length, 0);
  }

  shares(): readonly number[] {
    return this.members.map(({ budgets }) => budgets.report()[0]?.share ?? 0);
  }

  membersOf(of: SharingMember): readonly MeshMember[] {
    return [...of.statuses].map(([name, { status, sinceMs }]) => ({
      ...{ name, status, sinceMs, tags: new Map([["role", "understudy"]]) },
      address: { host: name, port: 7_946 },
    }));
  }

  spread(from: SharingMember, payload: Uint8Array): void {
    for (const to of this.members) {
      if (this.random.next() * 100 < this.lossPercent) continue;
      this.clock.after(to === from ? 0 : this.random.next() * this.spreadMs, () => {
        if (this.sideOf(from.name) === this.sideOf(to.name)) to.budgets.hear(payload);
      });
    }
  }

  tableOf(from: SharingMember, name: string): Uint8Array | null {
    const other = this.members.find((member) => member.name === name);
    if (other === undefined || this.sideOf(from.name) !== this.sideOf(name)) return null;
    return other.budgets.table();
  }

  end(): void {
    for (const { stop } of this.members) stop.abort();
  }
}
