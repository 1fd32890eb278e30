// node bench/gossip/run.ts [--members 10,30,100,300,1000] [--seeds 100] [--json FILE]
//
// Simulated meshes, judged by their goals: how soon a death is known to all, what idleness costs, whether loss kills, how
// long halves need to heal, how long a broadcast needs to reach all. Time is simulated, so that a busy machine changes
// nothing but how long this takes. 5,000 members need about 6 GB: node --max-old-space-size=8000 … --members 5000 --seeds 1

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureDetection, median } from "../../test/control/mesh/simulation/detection.ts";
import {
  measureBroadcast,
  measureHealing,
  measureIdle,
  measureLoss,
} from "../../test/control/mesh/simulation/scenarios.ts";

const { values: flags } = parseArgs({
  options: {
    members: { type: "string", default: "10,30,100,300,1000" },
    seeds: { type: "string", default: "100" },
    only: { type: "string", default: "detection,idle,loss,healing,broadcast" },
    json: { type: "string" },
  },
});

interface Row {
  readonly what: string;
  readonly figure: string;
  readonly goal: string;
  readonly met: boolean | null;
}

/** Medians in seconds, by members. */
const detectionGoals: Readonly<Record<number, number>> = {
  10: 6.3,
  30: 7.8,
  100: 10.1,
  300: 12.5,
  1000: 15.5,
};
const rows: Row[] = [];
const wanted = (scenario: string) => flags.only.split(",").includes(scenario);
const seconds = (ms: number) => (ms / 1_000).toFixed(2);

function note(what: string, figure: string, goal: string, met: boolean | null): void {
  rows.push({ what, figure, goal, met });
  console.log(`${met === null ? " " : met ? "✔" : "✖"} ${what.padEnd(46)} ${figure.padEnd(44)} ${goal}`);
}

function detection(members: number): void {
  const seeds = Math.max(1, Math.min(Number(flags.seeds), Math.floor(20_000 / members)));
  const runs = Array.from({ length: seeds }, (_, seed) => measureDetection(members, seed));
  const last = runs.map(({ lastMs }) => lastMs);
  const first = median(runs.map(({ firstMs }) => firstMs));
  const falseDeaths = runs.reduce((sum, run) => sum + run.falseDeaths, 0);
  const [middle, longest] = [median(last), Math.max(...last)];
  const goal = detectionGoals[members];
  const figure = `first ${seconds(first)} all ${seconds(middle)} longest ${seconds(longest)} s (${seeds} seeds)`;
  const met =
    goal === undefined ? null : middle <= goal * 1_000 && longest <= 1.6 * middle && falseDeaths === 0;
  note(
    `a death is known, ${members} members`,
    figure,
    goal === undefined ? "" : `≤ ${goal} s, longest ≤ 1.6 ×`,
    met,
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
    note(`idle, ${members} members, each way${how}`, figure, `≤ ${most} B/s of probes`, packetBytes <= most);
  }
if (wanted("loss"))
  for (const [loss, streams, most] of [
    [0.3, true, 0],
    [0.2, false, 3],
    [0.1, false, 0],
  ] as const) {
    const { falseDeaths, suspicions } = measureLoss(50, 1, loss, 20, streams);
    const what = `${loss * 100} % loss ${streams ? "with" : "without"} streams, 1,000 member-minutes`;
    note(
      what,
      `${falseDeaths} views of a false death, ${suspicions} of suspicions`,
      `≤ ${most}`,
      falseDeaths <= most,
    );
  }
if (wanted("healing"))
  for (const cutMs of [6_000, 12_000, 40_000, 120_000]) {
    const times = [1, 2, 3, 4, 5].map((seed) => measureHealing(100, seed, cutMs));
    const figure = `median ${seconds(median(times))} longest ${seconds(Math.max(...times))} s`;
    note(`halves of 100 heal after ${cutMs / 1_000} s`, figure, "≤ 60 s", Math.max(...times) <= 60_000);
  }
if (wanted("broadcast"))
  for (const [members, loss] of [
    [100, 0],
    [1_000, 0],
    [1_000, 0.1],
  ] as const) {
    const tookMs = measureBroadcast(members, 1, loss);
    note(
      `a broadcast reaches ${members} members at ${loss * 100} % loss`,
      `${seconds(tookMs)} s`,
      "≤ 3 s",
      tookMs <= 3_000,
    );
  }
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(rows, null, 2)}\n`);
if (rows.some(({ met }) => met === false)) process.exitCode = 1;
