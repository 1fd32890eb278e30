// Whole meshes on simulated time. Each run is repeatable by its seed, which a failure names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { measureDetection, median } from "./detection.ts";
import { measureBroadcast, measureHealing, measureIdle, measureLoss, seesAll, viewOf } from "./scenarios.ts";
import { Simulation } from "./simulated-mesh.ts";
import { Troubles } from "./troubles.ts";

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

test("loss: confirmations that come late kill nobody who has answered, at 20 % loss without streams", () => {
  const { falseDeaths, suspicions } = measureLoss(50, 1, 0.2, 1.5, false);
  assert.ok(suspicions > 100, "the loss is felt");
  assert.equal(falseDeaths, 0);
});

test("partition: of many that come back at once, nobody stays dead to anybody", () => {
  const tookMs = measureHealing(100, 1, 12_000);
  assert.ok(tookMs <= 20_000, `${tookMs} ms`);
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

test("troubles: incarnations only grow, who left stays away, and who can talk is soon alive to all", () => {
  const kinds = new Set<string | undefined>();
  for (let seed = 1; seed <= 12; seed++)
    for (const line of new Troubles(seed).run(4)) kinds.add(line.split(" ")[2]);
  for (const kind of ["failed", "leave", "join", "update"])
    assert.ok(kinds.has(kind), `there was no trouble by which anybody heard of a "${kind}"`);
});

test("troubles: the same seed gives the same events, another one gives others", () => {
  const log = new Troubles(3).run(3);
  assert.ok(log.length > 100, `${log.length} events`);
  assert.deepEqual(new Troubles(3).run(3), log);
  assert.notDeepEqual(new Troubles(4).run(3), log);
});
