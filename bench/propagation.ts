// How long a change of the rules takes from `apply` to being in force on 20 sidecars, with real servers:
//
//   node bench/propagation.ts [--rounds 100] [--servers 1|3] [--processes] [--store consul|etcd]
//
// Without --processes the sidecars are 20 sources with their rule stores in this process, each with connections of its own;
// with it they are 20 processes of `understudy proxy`, which say in their log when rules came into force. A round's time of a
// sidecar is from the call of `put` (what `rules apply` does once its files are read: read, stage, swap, sweep) to the swap of
// the compiled rules in that sidecar. Both clocks are the machine's own.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { everyone } from "../src/control/rules/registry/keys.ts";
import { Registry } from "../src/control/rules/registry/registry.ts";
import { storeSource } from "../src/control/rules/sources/store-source.ts";
import { createRuleStore } from "../src/control/rules/store.ts";
import { systemClock } from "../src/core/clock.ts";
import { systemRandom } from "../src/core/random.ts";
import { noRules } from "../src/core/rule-set.ts";
import { runInTurns } from "../src/core/turns.ts";
import { compileSteps } from "../src/proxy/match/compile.ts";
import { createPlanner } from "../src/proxy/perform/plan.ts";
import { loadDialects } from "../src/sidecar.ts";
import {
  eventually,
  type StoreCluster,
  type StoreKind,
  startCluster,
} from "../test/support/store-servers.ts";

const sidecars = 20;
const never = new AbortController().signal;
const deps = { clock: systemClock, random: systemRandom };

/** Told how many rules the newest set has, and when it came into force, in milliseconds since the epoch. */
type InForce = (rules: number, atMs: number) => void;

interface Field {
  close(): Promise<void>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "100" },
      servers: { type: "string", default: "" },
      store: { type: "string", default: "" },
      processes: { type: "boolean", default: false },
    },
  });
  console.log("store   servers  sidecars            samples   p50 ms   p90 ms   p99 ms   max ms");
  for (const kind of ["consul", "etcd"] as const) {
    if (values.store !== "" && values.store !== kind) continue;
    for (const servers of [1, 3] as const) {
      if (values.servers !== "" && values.servers !== String(servers)) continue;
      await measure(kind, servers, Number(values.rounds), values.processes);
    }
  }
}

async function measure(kind: StoreKind, servers: 1 | 3, rounds: number, processes: boolean): Promise<void> {
  const cluster = await startCluster(kind, servers);
  const heard = Array.from({ length: sidecars }, () => ({ rules: 0, atMs: 0 }));
  const hear =
    (sidecar: number): InForce =>
    (rules, atMs) => {
      heard[sidecar] = { rules, atMs };
    };
  const field = await (processes ? openProcesses : openSources)(cluster, hear);
  try {
    const samples = await applyRounds(cluster, rounds, heard);
    samples.sort((a, b) => a - b);
    const at = (share: number) => (samples[Math.ceil(samples.length * share) - 1] ?? Number.NaN).toFixed(1);
    const where = `${sidecars} ${processes ? "processes" : "in one process"}`;
    const cells = [at(0.5), at(0.9), at(0.99), at(1)].map((text) => text.padStart(9)).join("");
    console.log(
      `${kind.padEnd(8)}${String(servers).padEnd(9)}${where.padEnd(20)}${String(samples.length).padStart(7)}${cells}`,
    );
  } finally {
    await field.close();
    await cluster.close();
  }
}

/** Each round has another number of rules, which tells it from the one before. */
async function applyRounds(
  cluster: StoreCluster,
  rounds: number,
  heard: readonly { readonly rules: number; readonly atMs: number }[],
): Promise<number[]> {
  const store = await cluster.client();
  const options = {
    store,
    prefix: "understudy/rules/",
    audience: everyone,
    keepVersions: 20,
    author: "bench",
  };
  let ids = 0;
  const registry = new Registry(options, { wall: systemClock.wall, newId: () => `id${++ids}` });
  const samples: number[] = [];
  for (let round = 0; round < rounds + 3; round++) {
    const count = 10 + (round % 2);
    const rules = Array.from({ length: count }, (_, index) => ({
      name: `r${index}`,
      text: JSON.stringify({
        name: `r${index}`,
        matches: [{ host: `h${index}` }],
        respond: { body: `${round}` },
      }),
    }));
    const seen = await registry.state(never);
    const beganAt = performance.timeOrigin + performance.now();
    await registry.put(rules, "bench", seen, never);
    await eventually("in force everywhere", () => heard.every((one) => one.rules === count));
    // The first rounds warm the sidecars up.
    if (round >= 3) samples.push(...heard.map(({ atMs }) => atMs - beganAt));
  }
  store.close();
  return samples;
}

async function openSources(cluster: StoreCluster, hear: (sidecar: number) => InForce): Promise<Field> {
  const stop = new AbortController();
  const dialects = await loadDialects({ ...deps, tap: { observe: () => undefined } });
  const plan = createPlanner({ ...deps, maxBodyBytes: 1_048_576, hangMs: 600_000, dialects });
  const stores = await Promise.all(
    Array.from({ length: sidecars }, async (_, sidecar) => {
      const store = await cluster.client();
      const belonging = { service: null, namespace: null };
      const tap = { observe: () => undefined };
      const source = storeSource(
        { store, prefix: "understudy/rules/", belonging, lastGood: null },
        { ...deps, tap },
      );
      const inForce = hear(sidecar);
      const rules = createRuleStore({
        sources: [source],
        compile: (specs, revision, signal) =>
          runInTurns(compileSteps(specs, plan, revision, dialects), systemClock, signal),
        empty: noRules,
        tap: {
          observe(event) {
            if (event.kind === "rules-applied")
              inForce(event.rules, performance.timeOrigin + performance.now());
          },
        },
        clock: systemClock,
      });
      await rules.start(stop.signal);
      return store;
    }),
  );
  return {
    async close() {
      stop.abort();
      for (const store of stores) store.close();
    },
  };
}

async function openProcesses(cluster: StoreCluster, hear: (sidecar: number) => InForce): Promise<Field> {
  const folder = mkdtempSync(join(tmpdir(), "understudy-propagation-"));
  const children: ChildProcess[] = [];
  const main = new URL("../src/main.ts", import.meta.url).pathname;
  for (let sidecar = 0; sidecar < sidecars; sidecar++) {
    const args = ["proxy", "--store", cluster.url, "--listen", "127.0.0.1:0", "--admin", "off", "--json"];
    const child = spawn(process.execPath, [main, ...args, "--state-dir", join(folder, String(sidecar))], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(child);
    const inForce = hear(sidecar);
    const started = Promise.withResolvers<void>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = JSON.parse(line) as { msg: string; rules?: number; time: number };
      if (told.msg === "rules applied") inForce(told.rules ?? 0, told.time);
      if (told.msg === "started") started.resolve();
    });
    await started.promise;
  }
  return {
    async close() {
      for (const child of children) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

await main();
