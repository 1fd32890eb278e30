// Meshes in trouble of all kinds, then in calm, again and again: cuts in two, links that work in one direction, loss, copies,
// packets out of order, stalls, wall clocks that jump, members that leave, that are killed and that start again. What must hold
// always is checked at each step, and all that happened is in a log, which is the same for the same seed.

import assert from "node:assert/strict";
import type { MeshEvent } from "../../../../src/control/mesh/serf/serf-node.ts";
import type { SwimMember } from "../../../../src/control/mesh/swim/member.ts";
import { fairWeather } from "./memory-network.ts";
import { seesAll, viewOf } from "./scenarios.ts";
import { nameOf, type SimulatedSerf, Simulation } from "./simulated-mesh.ts";

const members = 12;
/** In which all that live, and can talk again, must see each other alive. */
const reunitedMs = 60_000;
/** Verdicts of the time before are over by then. */
const settleMs = 30_000;
/** And then nobody may be taken for dead any more. */
const calmMs = 20_000;

export class Troubles {
  readonly #seed: number;
  readonly #simulation: Simulation;
  readonly #members: SimulatedSerf[];
  readonly #left = new Set<string>();
  readonly #killed = new Set<number>();
  /** Of each entry in each member's table; one that was forgotten and comes anew is another entry. */
  readonly #incarnations = new WeakMap<SwimMember, number>();
  /** Everything that any member said, with its time. */
  readonly log: string[] = [];

  constructor(seed: number) {
    this.#seed = seed;
    this.#simulation = new Simulation({ members, seed });
    this.#members = this.#simulation.serfMembers((index, event) => this.#hear(index, event));
  }

  /** Rejects nothing: what does not hold is thrown, with the seed. */
  run(rounds: number): readonly string[] {
    for (let round = 0; round < rounds; round++) {
      for (let step = 0; step < 4; step++) this.#trouble();
      this.#calm();
    }
    for (const member of this.#members) member.stop();
    return this.log;
  }

  #hear(index: number, event: MeshEvent): void {
    const who =
      "member" in event ? (typeof event.member === "string" ? event.member : event.member.name) : "";
    this.log.push(`${this.#simulation.clock.now()} ${nameOf(index)} ${event.kind} ${who}`);
  }

  #trouble(): void {
    const { random, clock, network } = this.#simulation;
    const chance = (share: number) => random.next() < share;
    const some = <T>(list: readonly T[]) => list[Math.floor(random.next() * list.length)];
    const sides = new Map(this.#members.map(({ host }) => [host, Math.floor(random.next() * 2)]));
    const deaf = some(this.#members)?.host;
    network.weather = { ...fairWeather, loss: 0.2, duplication: 0.2, reordering: 0.2, jitterMs: 30 };
    if (chance(0.4)) network.blocked = (from, to) => sides.get(from) !== sides.get(to);
    else if (chance(0.5)) network.blocked = (_from, to) => to === deaf;
    else network.blocked = () => false;
    const one = some(this.#members);
    if (one !== undefined && !this.#left.has(one.name)) this.#befall(one, random.next());
    if (chance(0.3))
      this.#simulation.jumpWall(Math.floor(random.next() * members), (random.next() - 0.5) * 7.2e6);
    if (chance(0.2)) clock.stall(random.next() * 3_000);
    for (let steps = 0; steps < 3; steps++) {
      clock.run(random.next() * 5_000);
      this.#check();
    }
  }

  /** `fate` from 0 to 1. */
  #befall(one: SimulatedSerf, fate: number): void {
    const { index, name, serf } = one;
    if (fate < 0.15 && this.#left.size < 2 && !this.#killed.has(index)) {
      this.#left.add(name);
      serf.leave(() => one.stop());
    } else if (fate < 0.3 && !this.#killed.has(index)) {
      this.#killed.add(index);
      one.stop();
    } else if (this.#killed.has(index)) this.#startAgain(index);
    else if (fate < 0.6) serf.setTags(new Map([["fate", String(fate)]]));
  }

  #startAgain(index: number): void {
    this.#killed.delete(index);
    const again = this.#simulation.serfMember(index, 1, (who, event) => this.#hear(who, event));
    this.#members[index] = again;
    for (const { host } of this.#living())
      if (host !== again.host) again.serf.join({ host, port: 7_946 }, () => 0);
  }

  #living(): readonly SimulatedSerf[] {
    return this.#members.filter(({ index, name }) => !this.#killed.has(index) && !this.#left.has(name));
  }

  #check(): void {
    for (const member of this.#living())
      for (const entry of member.swim.membership.list.all()) {
        const before = this.#incarnations.get(entry) ?? 0;
        const fell = `${member.name} of ${entry.name}: ${entry.incarnation} after ${before}`;
        assert.ok(entry.incarnation >= before, this.#say(fell));
        this.#incarnations.set(entry, entry.incarnation);
      }
  }

  #calm(): void {
    const { clock, network } = this.#simulation;
    network.weather = fairWeather;
    network.blocked = () => false;
    for (const index of [...this.#killed]) this.#startAgain(index);
    const living = this.#living();
    const united = () => living.every((member) => seesAll(member, living));
    const endsAt = clock.now() + reunitedMs;
    clock.run(settleMs);
    while (!united() && clock.now() < endsAt) clock.run(250);
    const views = living.map((member) => viewOf(member, members)).join("\n");
    assert.ok(united(), this.#say(`who can talk is not alive to all after ${reunitedMs} ms:\n${views}`));
    const said = this.log.length;
    clock.run(calmMs);
    this.#check();
    const dead = this.log
      .slice(said)
      .filter((line) => / failed /.test(line) && ![...this.#left].some((name) => line.endsWith(` ${name}`)));
    assert.deepEqual(dead, [], this.#say("somebody was taken for dead in the calm"));
    // Who started again after that may never have heard of it.
    for (const member of living)
      for (const name of this.#left) {
        const status = member.serf.roster.get(name)?.status ?? "left";
        assert.equal(status, "left", this.#say(`${name}, which left, in the eyes of ${member.name}`));
      }
  }

  #say(text: string): string {
    return `seed ${this.#seed}, at ${this.#simulation.clock.now()} ms: ${text}`;
  }
}
