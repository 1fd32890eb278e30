// What a mesh must stand: idleness, loss, a partition, news for everybody. Each gives figures; tests and the bench judge them.

import { fairWeather } from "./memory-network.ts";
import { nameOf, type SimulatedSerf, Simulation } from "./simulated-mesh.ts";

const minuteMs = 60_000;

export interface Idle {
  /** Bytes a second that each member sends, without the headers of UDP and TCP. */
  readonly packetBytes: number;
  readonly streamBytes: number;
}

/** When nothing happens. */
export function measureIdle(members: number, seed: number, minutes = 2, key?: Uint8Array): Idle {
  const simulation = new Simulation({ members, seed, ...(key === undefined ? {} : { key }) });
  const all = simulation.serfMembers();
  simulation.clock.run(30_000); // what is told at the start is told
  const { network } = simulation;
  const before = { packets: network.bytes, streams: network.streamBytes };
  simulation.clock.run(minutes * minuteMs);
  for (const member of all) member.stop();
  const share = (bytes: number) => bytes / members / (minutes * 60);
  return {
    packetBytes: share(network.bytes - before.packets),
    streamBytes: share(network.streamBytes - before.streams),
  };
}

export interface Judged {
  readonly falseDeaths: number;
  readonly suspicions: number;
}

/** Members that live, in a network that loses packets. */
export function measureLoss(
  members: number,
  seed: number,
  loss: number,
  minutes: number,
  streams = true,
): Judged {
  const simulation = new Simulation({ members, seed });
  let falseDeaths = 0;
  let suspicions = 0;
  const all = simulation.swimMembers(() => ({ gone: () => falseDeaths++, suspected: () => suspicions++ }));
  simulation.network.weather = { ...fairWeather, loss, streams, delayMs: 1, jitterMs: 10 };
  simulation.clock.run(minutes * minuteMs);
  for (const member of all) member.stop();
  return { falseDeaths, suspicions };
}

/** Milliseconds from the end of a partition into halves until everybody sees everybody alive; Infinity: not in time. */
export function measureHealing(members: number, seed: number, cutMs: number, withinMs = 120_000): number {
  const simulation = new Simulation({ members, seed });
  const all = simulation.serfMembers();
  simulation.clock.run(5_000);
  const half = new Map(all.map((member) => [member.host, member.index % 2]));
  simulation.network.blocked = (from, to) => half.get(from) !== half.get(to);
  simulation.clock.run(cutMs);
  simulation.network.blocked = () => false;
  const healedFrom = simulation.clock.now();
  let spentMs = 0;
  while (spentMs < withinMs && !all.every((member) => seesAll(member, all))) {
    simulation.clock.run(250);
    spentMs = simulation.clock.now() - healedFrom;
  }
  for (const member of all) member.stop();
  return spentMs < withinMs ? spentMs : Number.POSITIVE_INFINITY;
}

export function seesAll(member: SimulatedSerf, all: readonly SimulatedSerf[]): boolean {
  return all.every((other) => member.serf.roster.get(other.name)?.status === "alive");
}

/** Milliseconds until a user broadcast has reached everybody; Infinity: not in time. */
export function measureBroadcast(members: number, seed: number, loss = 0): number {
  const simulation = new Simulation({ members, seed });
  const all = simulation.serfMembers();
  simulation.network.weather = { ...fairWeather, loss };
  simulation.clock.run(3_000);
  const startedAt = simulation.clock.now();
  all[0]?.serf.broadcast("revision", Buffer.from("42"));
  const heard = (member: SimulatedSerf) => member.events.some((event) => event.kind === "broadcast");
  let waiting = all.filter((member) => !heard(member));
  while (waiting.length > 0 && simulation.clock.now() - startedAt < 30_000) {
    simulation.clock.run(20);
    waiting = waiting.filter((member) => !heard(member));
  }
  const tookMs = simulation.clock.now() - startedAt;
  for (const member of all) member.stop();
  return waiting.length === 0 ? tookMs : Number.POSITIVE_INFINITY;
}

export interface Convergence {
  /** Milliseconds until everybody has the new revision; Infinity: not in time. */
  readonly inForceMs: number;
  /** Until the first one knows that of everybody; NaN where that was not asked. */
  readonly knownMs: number;
}

/** A revision that one member has, which the others take over once they hear that somebody has it, and tell of in turn. */
export function measureRevision(members: number, seed: number, loss = 0, known = false): Convergence {
  const simulation = new Simulation({ members, seed });
  const { clock, network, random } = simulation;
  const newer = new Map([["rules", "2"]]);
  const has = new Set<number>();
  const take = (member: SimulatedSerf) => {
    if (has.has(member.index)) return;
    has.add(member.index);
    member.serf.setTags(newer);
  };
  const all = simulation.serfMembers((index, event) => {
    if (event.kind !== "update" || event.member.tags.get("rules") !== "2") return;
    // Until it looks who has newer ones, as a sidecar does, and then a fetch and time to compile.
    clock.after(random.next() * 750 + 50, () => all[index] && take(all[index]));
  });
  network.weather = { ...fairWeather, loss };
  clock.run(3_000);
  const startedAt = clock.now();
  const [first] = all;
  if (first) take(first);
  const within = (done: () => boolean) =>
    clock.runUntil(done, 60_000) ? clock.now() - startedAt : Number.POSITIVE_INFINITY;
  const inForceMs = within(() => has.size === members);
  const isKnown = () => all.every(({ name }) => first?.serf.roster.get(name)?.tags.get("rules") === "2");
  while (known && !isKnown() && clock.now() - startedAt < 60_000) clock.run(50);
  const knownMs = known ? clock.now() - startedAt : Number.NaN;
  for (const member of all) member.stop();
  return { inForceMs, knownMs };
}

/** Who sees whom as what: for messages of tests. */
export function viewOf(member: SimulatedSerf, count: number): string {
  const statuses = Array.from(
    { length: count },
    (_, i) => member.serf.roster.get(nameOf(i))?.status ?? "unknown",
  );
  return `${member.name}: ${statuses.join(" ")}`;
}
