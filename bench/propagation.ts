// How long a change of the rules takes from `apply` to being in force on 20 sidecars, with real servers:
//
//   node bench/propagation.ts [--rounds 100] [--servers 1|3] [--processes] [--store consul|etcd]
//
// Without --processes the sidecars are 20 sources with their rule stores in this process, each with connections of its own;
// with it they are 20 processes of `understudy proxy`, which say in their log when rules came into force. A round's time of a
// sidecar is from the call of `put` (what `rules apply` does once its files are read: read, stage, swap, sweep) to the swap of
// the compiled rules in that sidecar. Both clocks are the machine's own. The second table says where that time went: until the
// store has answered the commit that makes the change, of which so much was its commits, and from then on.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { KeyValueStore } from "../src/control/rules/kv/key-value-store.ts";
import { everyone, manifestKey } from "../src/control/rules/registry/keys.ts";
import { Registry } from "../src/control/rules/registry/registry.ts";
import { storeSource } from "../src/control/rules/sources/store-source.ts";
import { createRuleStore } from "../src/control/rules/store.ts";
import { systemClock } from "../src/core/clock.ts";
import { systemRandom } from "../src/core/random.ts";
import { noRules } from "../src/core/rule-set.ts";
import { runInTurns } from "../src/core/turns.ts";
import { compileSteps } from "../src/proxy/match/compile.ts";
import { createPlanner } from "../src/proxy/perform/plan.ts";
import { loadDialects } from "../src/sidecar/dialects.ts";
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

const usage = `node bench/propagation.ts [flags]
  --rounds N         rules applied per row (default 100)
  --store KIND       consul or etcd alone
  --servers N        1 or 3 alone
  --processes        twenty processes instead of twenty sidecars in one`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h", default: false },
      rounds: { type: "string", default: "100" },
      servers: { type: "string", default: "" },
      store: { type: "string", default: "" },
      processes: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
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
    const where = `${sidecars} ${processes ? "processes" : "in one process"}`;
    const row = (what: string, times: readonly number[]) =>
      console.log(
        `${kind.padEnd(8)}${String(servers).padEnd(9)}${what.padEnd(20)}${String(times.length).padStart(7)}${cellsOf(times)}`,
      );
    row(where, samples.total);
    row("  until committed", samples.committed);
    row("    each commit", samples.commits);
    row("  from then on", samples.rest);
    console.log(`        load ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    await field.close();
    await cluster.close();
  }
}

function cellsOf(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN).toFixed(1);
  return [at(0.5), at(0.9), at(0.99), at(1)].map((text) => text.padStart(9)).join("");
}

interface Samples {
  /** Of each sidecar in each round. */
  readonly total: number[];
  readonly rest: number[];
  /** Of each round. */
  readonly committed: number[];
  readonly commits: number[];
}

/** Each round has another number of rules, which tells it from the one before. */
async function applyRounds(
  cluster: StoreCluster,
  rounds: number,
  heard: readonly { readonly rules: number; readonly atMs: number }[],
): Promise<Samples> {
  const samples: Samples = { total: [], rest: [], committed: [], commits: [] };
  const store = await cluster.client();
  const manifest = manifestKey("understudy/rules/");
  let committedAt = 0;
  const commit: KeyValueStore["commit"] = async (checks, changes, signal) => {
    const beganAt = performance.now();
    const answer = await store.commit(checks, changes, signal);
    const endedAt = performance.now();
    if (committedAt === 0) samples.commits.push(endedAt - beganAt);
    if (changes.some((change) => "put" in change && change.put === manifest))
      committedAt = performance.timeOrigin + endedAt;
    return answer;
  };
  const options = {
    store: new Proxy(store, {
      get(target, name) {
        if (name === "commit") return commit;
        const found = Reflect.get(target, name);
        return typeof found === "function" ? found.bind(target) : found;
      },
    }),
    prefix: "understudy/rules/",
    audience: everyone,
    keepVersions: 20,
    author: "bench",
  };
  let ids = 0;
  const registry = new Registry(options, { wall: systemClock.wall, newId: () => `id${++ids}` });
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
    committedAt = 0;
    const beganAt = performance.timeOrigin + performance.now();
    await registry.put(rules, "bench", seen, never);
    await eventually("in force everywhere", () => heard.every((one) => one.rules === count));
    // The first rounds warm the sidecars up.
    if (round < 3) continue;
    samples.total.push(...heard.map(({ atMs }) => atMs - beganAt));
    samples.rest.push(...heard.map(({ atMs }) => atMs - committedAt));
    samples.committed.push(committedAt - beganAt);
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
