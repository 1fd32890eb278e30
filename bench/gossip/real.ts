// node bench/gossip/real.ts [--members 10] [--kills 7] [--idle 20]
//
// On real sockets and in real time: how soon a kill is known, beside a pool of `serf` agents of the same size on the same
// machine, in turns and each with a pool of its own; and what a member at rest costs. The rows go to bench/results/gossip.*.

import { parseArgs } from "node:util";
import { median } from "../../test/control/mesh/simulation/detection.ts";
import { type Known, killOne, type Pool } from "./kill-rounds.ts";
import { openOurPool } from "./our-pool.ts";
import { Results } from "./results.ts";
import { openSerfPool } from "./serf-pool.ts";

const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    members: { type: "string", default: "10" },
    kills: { type: "string", default: "7" },
    idle: { type: "string", default: "20" },
  },
});

if (flags.help) {
  console.log(`npm run bench:gossip:real -- [flags]
  --members A,B      pools of that many, ours and serf's (default 10)
  --kills N          members that are killed in each (default 7)
  --idle S           seconds at rest (default 20)`);
  process.exit(0);
}
const results = new Results();
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const seconds = (ms: number) => (ms / 1_000).toFixed(2);

async function sideBySide(members: number, kills: number): Promise<void> {
  const [ours, theirs]: Known[][] = [[], []];
  for (let round = 0; round < kills; round++) {
    // Both at once: what the machine does meanwhile befalls both.
    const both = await Promise.all([openOurPool(members), openSerfPool(members)]);
    await wait(2_000 + Math.random() * 1_000); // so that a kill falls anywhere between two probes
    const victim = round % members;
    const [own, other] = await Promise.all(both.map((pool: Pool) => killOne(pool, victim)));
    if (own && other) {
      ours?.push(own);
      theirs?.push(other);
      console.log(`  ${members} members: ours ${seconds(own.lastMs)} s, serf ${seconds(other.lastMs)} s`);
    }
    await Promise.all(both.map((pool) => pool.close()));
  }
  const middle = (all: readonly Known[] = [], of: keyof Known) => median(all.map((known) => known[of]));
  const [own, other] = [middle(ours, "lastMs"), middle(theirs, "lastMs")];
  const text = (all: readonly Known[] = []) =>
    `${seconds(middle(all, "firstMs"))} / ${seconds(middle(all, "lastMs"))} s`;
  results.note(
    `real: first and last of ${members} know of a kill`,
    `${text(ours)}, serf ${text(theirs)}; medians of ${kills} kills`,
    "last ≤ 1.05 × serf",
    own <= 1.05 * other,
  );
}

async function atRest(members: number, forSeconds: number): Promise<void> {
  const pool = await openOurPool(members);
  await wait(15_000); // what is told at the start is told, and the code is warm
  const before = process.cpuUsage();
  await wait(forSeconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  await pool.close();
  const share = ((user + system) / 1e6 / forSeconds / members) * 100;
  results.note(
    `real: CPU of a member at rest, of ${members} in one process`,
    `${share.toFixed(2)} % of a core`,
    "≤ 0.2 %",
    share <= 0.2,
  );
}

if (Number(flags.kills) > 0) await sideBySide(Number(flags.members), Number(flags.kills));
if (Number(flags.idle) > 0) await atRest(10, Number(flags.idle));
results.write();
if (results.missed) process.exitCode = 1;
