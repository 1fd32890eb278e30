// node bench/gossip/run.ts [--members 10,30,100,300,1000] [--seeds 100] [--only detection,idle,loss,healing,broadcast]
//
// Simulated meshes, judged by their goals: how soon a death is known to all, what idleness costs, whether loss kills, how
// long halves need to heal, how long news needs to reach all. Time is simulated, so that a busy machine changes nothing but
// how long this takes. 5,000 members need about 6 GB and two minutes a seed:
//   node --max-old-space-size=9000 bench/gossip/run.ts --only detection --members 5000 --seeds 3
// The rows go to bench/results/gossip.{json,md}, beside those that this run does not measure.

import { parseArgs } from "node:util";
import { measureDetection, median } from "../../test/control/mesh/simulation/detection.ts";
import {
  measureBroadcast,
  measureHealing,
  measureIdle,
  measureLoss,
  measureRevision,
} from "../../test/control/mesh/simulation/scenarios.ts";
import { Results } from "./results.ts";

const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    members: { type: "string", default: "10,30,100,300,1000" },
    seeds: { type: "string", default: "100" },
    only: { type: "string", default: "detection,idle,loss,healing,broadcast" },
  },
});

if (flags.help) {
  console.log(`npm run bench:gossip -- [flags]
  --members A,B      pools whose detection is measured (default 10,30,100,300,1000)
  --seeds N          runs a pool, for a median and the longest (default 100)
  --only A,B         of detection, idle, loss, healing, broadcast`);
  process.exit(0);
}

/** Medians in seconds, by members. */
const detectionGoals: Readonly<Record<number, number>> = {
  10: 6.3,
  30: 7.8,
  100: 10.1,
  300: 12.5,
  1000: 15.5,
};
const results = new Results();
const wanted = (scenario: string) => flags.only.split(",").includes(scenario);
const seconds = (ms: number) => (ms / 1_000).toFixed(2);

function detection(members: number): void {
  const seeds = Number(flags.seeds);
  const runs = Array.from({ length: seeds }, (_, seed) => measureDetection(members, seed));
  const last = runs.map(({ lastMs }) => lastMs);
  const first = median(runs.map(({ firstMs }) => firstMs));
  const falseDeaths = runs.reduce((sum, run) => sum + run.falseDeaths, 0);
  const [middle, longest] = [median(last), Math.max(...last)];
  const goal = detectionGoals[members];
  const share = (longest / middle).toFixed(2);
  results.note(
    `simulated: a death is known to ${members} members`,
    `first ${seconds(first)}, all ${seconds(middle)}, longest ${seconds(longest)} s (${share} ×) of ${seeds} seeds`,
    goal === undefined ? "longest ≤ 1.6 × median" : `median ≤ ${goal} s, longest ≤ 1.6 ×`,
    (goal === undefined || middle <= goal * 1_000) && longest <= 1.6 * middle && falseDeaths === 0,
  );
}

if (wanted("detection")) for (const members of flags.members.split(",").map(Number)) detection(members);
if (wanted("idle"))
  for (const [members, most, key] of [
    [10, 90, undefined],
    [30, 90, undefined],
    [100, 90, undefined],
    [10, 150, Buffer.alloc(32, 1)],
  ] as const) {
    const { packetBytes, streamBytes } = measureIdle(members, 1, 5, key);
    const figure = `${packetBytes.toFixed(0)} B/s probes, ${streamBytes.toFixed(0)} B/s push-pull`;
    const how = key === undefined ? "" : ", encrypted";
    results.note(
      `simulated: idle, ${members} members, each way${how}`,
      figure,
      `≤ ${most} B/s of probes`,
      packetBytes <= most,
    );
  }
if (wanted("loss"))
  for (const [loss, streams, most] of [
    [0.3, true, 0],
    [0.2, false, 3],
    [0.1, false, 0],
  ] as const) {
    const { falseDeaths, suspicions } = measureLoss(50, 1, loss, 20, streams);
    results.note(
      `simulated: ${loss * 100} % loss ${streams ? "with" : "without"} streams, 1,000 member-minutes`,
      `${falseDeaths} views of a false death, ${suspicions} of suspicions`,
      `≤ ${most}`,
      falseDeaths <= most,
    );
  }
if (wanted("healing"))
  for (const cutMs of [6_000, 12_000, 40_000, 120_000]) {
    const times = [1, 2, 3, 4, 5].map((seed) => measureHealing(100, seed, cutMs));
    const figure = `median ${seconds(median(times))}, longest ${seconds(Math.max(...times))} s of 5 seeds`;
    results.note(
      `simulated: halves of 100 heal after ${cutMs / 1_000} s`,
      figure,
      "≤ 60 s",
      Math.max(...times) <= 60_000,
    );
  }
if (wanted("broadcast"))
  for (const [members, loss] of [
    [100, 0],
    [1_000, 0],
    [1_000, 0.1],
  ] as const) {
    const how = `${members} members at ${loss * 100} % loss`;
    const heardMs = measureBroadcast(members, 1, loss);
    results.note(`simulated: a broadcast reaches ${how}`, `${seconds(heardMs)} s`, "≤ 3 s", heardMs <= 3_000);
    const { inForceMs, knownMs } = measureRevision(members, 1, loss, loss === 0);
    const known = loss === 0 ? `; the first one knows that of all after ${seconds(knownMs)} s` : "";
    results.note(
      `simulated: a new revision is in force on ${how}`,
      `${seconds(inForceMs)} s${known}`,
      "in force ≤ 3 s",
      inForceMs <= 3_000,
    );
  }
results.write();
if (results.missed) process.exitCode = 1;
