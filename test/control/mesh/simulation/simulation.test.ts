// Whole meshes on simulated time. Each run is repeatable by its seed, which a failure names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { measureDetection, median } from "./detection.ts";
import { fairWeather } from "./memory-network.ts";
import { measureBroadcast, measureHealing, measureIdle, measureLoss, seesAll, viewOf } from "./scenarios.ts";
import { nameOf, Simulation } from "./simulated-mesh.ts";

// A little above the goals, which bench/gossip holds over many more seeds.
for (const { members, seeds, goalMs } of [
  { members: 10, seeds: 20, goalMs: 6_300 },
  { members: 30, seeds: 20, goalMs: 8_000 },
  { members: 100, seeds: 8, goalMs: 10_400 },
  { members: 300, seeds: 1, goalMs: 12_800 },
])
  test(`detection: a death is known to all ${members} members in ${goalMs / 1_000} s, and never takes much longer`, () => {
    const runs = Array.from({ length: seeds }, (_, seed) => measureDetection(members, seed));
    const times = runs.map(({ lastMs }) => lastMs);
    assert.ok(median(times) <= goalMs, `median ${median(times)} ms of ${times.map(Math.round).join(" ")}`);
    assert.ok(Math.max(...times) <= 1.6 * median(times), `longest of ${times.map(Math.round).join(" ")}`);
    assert.equal(
      runs.reduce((sum, { falseDeaths }) => sum + falseDeaths, 0),
      0,
    );
  });

test("detection: clocks that differ by minutes cost patience, not correctness", () => {
  const times = Array.from({ length: 10 }, (_, seed) => measureDetection(30, seed, 300_000).lastMs);
  assert.ok(Math.max(...times) <= 20_000, times.map(Math.round).join(" "));
});

test("idle: probes cost at most 90 bytes a second and member, however many there are", () => {
  for (const members of [10, 40]) {
    const { packetBytes } = measureIdle(members, 1, 1);
    assert.ok(packetBytes <= 90, `${packetBytes} B/s of ${members}`);
  }
  const encrypted = measureIdle(10, 1, 1, Buffer.alloc(32, 1));
  assert.ok(encrypted.packetBytes <= 150, `${encrypted.packetBytes} B/s encrypted`);
});

test("loss: nobody is taken for dead at 30 % loss", () => {
  const { falseDeaths, suspicions } = measureLoss(20, 5, 0.3, 4);
  assert.ok(suspicions > 100, "the loss is felt");
  assert.equal(falseDeaths, 0);
});

for (const cutMs of [6_000, 12_000, 40_000, 120_000])
  test(`partition: halves heal within a minute after ${cutMs / 1_000} s`, () => {
    for (const seed of [1, 2]) assert.ok(measureHealing(14, seed, cutMs) <= 60_000, `seed ${seed}`);
  });

test("broadcast: everybody hears it once, within 3 s, also at 20 % loss", () => {
  assert.ok(measureBroadcast(300, 1) <= 3_000);
  assert.ok(measureBroadcast(100, 1, 0.2) <= 3_000);
});

test("the same seed gives the same run", () => {
  assert.deepEqual(measureDetection(30, 7), measureDetection(30, 7));
  assert.deepEqual(measureLoss(10, 7, 0.3, 2), measureLoss(10, 7, 0.3, 2));
});

test("join: members that know one address find each other", () => {
  const simulation = new Simulation({ members: 12, seed: 3, acquainted: false });
  const all = simulation.serfMembers();
  for (const member of all.slice(1))
    member.serf.join({ host: "10.0.0.0", port: 7_946 }, (problem) => assert.equal(problem, null));
  simulation.clock.run(10_000);
  for (const member of all) assert.ok(seesAll(member, all), viewOf(member, 12));
  for (const member of all) assert.ok(member.swim.confirmed);
});

test("join: an address where nobody is, and one that does not answer, are told apart from success", () => {
  const simulation = new Simulation({ members: 2, seed: 3, acquainted: false });
  const [first, second] = simulation.serfMembers();
  assert.ok(first && second);
  const problems: (string | null)[] = [];
  first.serf.join({ host: "10.9.9.9", port: 1 }, (problem) => problems.push(problem));
  simulation.network.blocked = (_, to) => to === second.host;
  first.serf.join({ host: second.host, port: 7_946 }, (problem) => problems.push(problem));
  simulation.clock.run(11_000);
  assert.deepEqual(problems, [
    "the stream could not be opened, or ended without an answer",
    "no answer in time",
  ]);
});

test("left members stay left, also for those who hear of it late and from others", () => {
  const simulation = new Simulation({ members: 12, seed: 4 });
  const all = simulation.serfMembers();
  simulation.clock.run(3_000);
  const cut = all[11]?.host;
  simulation.network.blocked = (from, to) => from === cut || to === cut;
  let left = false;
  all[3]?.serf.leave(() => {
    left = true;
  });
  assert.ok(simulation.clock.runUntil(() => left, 15_000));
  all[3]?.stop();
  simulation.clock.run(60_000);
  simulation.network.blocked = () => false;
  simulation.clock.run(120_000);
  for (const member of all)
    if (member.index !== 3) assert.equal(member.serf.roster.get("m3")?.status, "left", viewOf(member, 12));
  for (const member of all)
    assert.ok(
      !member.events.some((event) => event.kind === "failed" && event.member.name === "m3") ||
        member.host === cut,
    );
});

test("a member that starts again takes its name back, past what is believed of its former life", () => {
  const simulation = new Simulation({ members: 8, seed: 5 });
  const all = simulation.serfMembers();
  simulation.clock.run(3_000);
  all[2]?.stop();
  simulation.clock.run(20_000);
  assert.equal(all[0]?.serf.roster.get("m2")?.status, "failed");
  const again = simulation.serfMember(2);
  again.serf.join({ host: "10.0.0.0", port: 7_946 }, () => undefined);
  simulation.clock.run(20_000);
  for (const member of all)
    if (member.index !== 2) assert.equal(member.serf.roster.get("m2")?.status, "alive");
});

test("queries: everybody answers once; only who is meant, where somebody is", () => {
  const simulation = new Simulation({ members: 20, seed: 6 });
  const all = simulation.serfMembers();
  const answers: string[][] = [];
  const payload = Buffer.from("hello");
  const taken = (got: readonly { from: string; payload: Uint8Array }[]) => {
    for (const answer of got) assert.deepEqual(Buffer.from(answer.payload), payload);
    answers.push(got.map(({ from }) => from).sort());
  };
  all[0]?.serf.queries.ask("echo", payload, { timeoutMs: 5_000 }, taken);
  all[0]?.serf.queries.ask("echo", payload, { timeoutMs: 6_000, members: ["m4", "m0"] }, taken);
  all[0]?.serf.queries.ask("unknown", payload, { timeoutMs: 7_000 }, taken);
  assert.equal(all[0]?.serf.queries.ask("echo", Buffer.alloc(2_000), { timeoutMs: 1 }, taken), false);
  simulation.clock.run(8_000);
  assert.deepEqual(answers, [all.map(({ name }) => name).sort(), ["m0", "m4"], []]);
});

/** Trouble of all kinds, then calm; what must hold always, and what must hold in the end. */
function troubled(seed: number): void {
  const simulation = new Simulation({ members: 14, seed });
  const { clock, random, network } = simulation;
  const all = simulation.serfMembers();
  const incarnations = new Map<string, number>();
  const left = new Set<number>();
  const down = new Set<number>();
  const check = () => {
    for (const member of all)
      for (const entry of member.swim.membership.list.all()) {
        const key = `${member.name} ${entry.name}`;
        const before = incarnations.get(key) ?? 0;
        assert.ok(entry.incarnation >= before || down.size > 0, `seed ${seed}: ${key} fell from ${before}`);
        incarnations.set(key, entry.incarnation);
      }
  };
  const chance = (share: number) => random.next() < share;
  network.weather = { ...fairWeather, loss: 0.15, duplication: 0.1, reordering: 0.1, jitterMs: 30 };
  for (let step = 0; step < 12; step++) {
    const index = Math.floor(random.next() * all.length);
    const blocked = new Map(all.map(({ host }) => [host, Math.floor(random.next() * 2)]));
    const oneWay = nameOf(index) && all[index]?.host;
    if (chance(0.4)) network.blocked = (from, to) => blocked.get(from) !== blocked.get(to);
    else if (chance(0.5)) network.blocked = (from) => from === oneWay;
    else network.blocked = () => false;
    if (chance(0.15) && left.size < 2 && !left.has(index)) {
      left.add(index);
      all[index]?.serf.leave(() => all[index]?.stop());
    } else if (chance(0.2)) clock.stall(random.next() * 2_000);
    else if (chance(0.3)) all[index]?.serf.setTags(new Map([["step", String(step)]]));
    clock.run(random.next() * 15_000);
    check();
  }
  network.weather = fairWeather;
  network.blocked = () => false;
  for (let i = 0; i < 20; i++) {
    clock.run(10_000);
    check();
  }
  for (const member of all) {
    if (left.has(member.index)) continue;
    for (const other of all) {
      const status = member.serf.roster.get(other.name)?.status;
      const fits = left.has(other.index) ? status !== "alive" : status === "alive";
      assert.ok(fits, `seed ${seed}: ${viewOf(member, all.length)}; left: ${[...left].join(" ")}`);
    }
  }
  for (const member of all) member.stop();
}

test("invariants: incarnations only grow, the left stay away, and after the trouble all see each other", () => {
  for (let seed = 1; seed <= 8; seed++) troubled(seed);
});
