// npm run bench: measures Understudy beside its peers in one run and says which goals are reached.
// Loopback only; every process it starts is ended with it, also on Ctrl-C. Results: bench/results/latest.{json,md}.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scenariosFor } from "./catalogue.ts";
import { judge } from "./goals.ts";
import { keptResults, type Measured, newest } from "./kept-results.ts";
import { installModules } from "./modules.ts";
import { type BenchOptions, readOptions, usage } from "./options.ts";
import { killAll, stopAll } from "./processes.ts";
import { describeMachine, fullMarkdown, goalsMarkdown, type Report, withMeasurements } from "./report.ts";
import type { Scenario, ScenarioResult } from "./scenarios/scenario.ts";
import { startUpstream } from "./upstream.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
process.once("exit", killAll);

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(`${usage}\n`);
    return;
  }
  installModules();
  const chosen = scenariosFor(options.only);
  if (chosen.length === 0) throw new Error(`--only: no scenario begins with ${options.only.join(", ")}`);
  const scratch = mkdtempSync(join(tmpdir(), "understudy-bench-"));
  try {
    const results = await measure(options, scratch, chosen);
    report(options, results);
  } finally {
    await stopAll();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function measure(
  options: BenchOptions,
  scratch: string,
  chosen: ReturnType<typeof scenariosFor>,
): Promise<readonly Measured[]> {
  const folder = (): string => mkdtempSync(join(scratch, "peer-"));
  const upstream = await startUpstream(folder());
  const program = buildProgram(join(scratch, "understudy"));
  const { slices, seconds } = options;
  const results: Measured[] = [];
  for (const scenario of chosen) {
    stop.signal.throwIfAborted();
    progress(`== ${scenario.name}: ${scenario.title}`);
    const result = await scenario
      .run({ options, upstream, program, signal: stop.signal, progress, folder })
      .catch((problem: unknown) => withoutResult(scenario, problem));
    results.push({ seconds, ...result, measuredAt: new Date().toISOString(), slices });
  }
  return results;
}

function withoutResult({ name, title }: Scenario, problem: unknown): ScenarioResult {
  stop.signal.throwIfAborted();
  const why = problem instanceof Error ? problem.message : String(problem);
  progress(`${name} failed: ${why}`);
  const nothing = { unit: "request", reference: "", rows: [], facts: [] } as const;
  return { name, title, ...nothing, leftOut: [{ peer: "all", why }] };
}

/** Compiles, and lays the package out in a folder of its own: a later build must not pull it away while it runs. */
function buildProgram(folder: string): string | null {
  progress("compiling");
  const built = spawnSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (built.status !== 0) {
    progress("the build failed; ours is left out");
    return null;
  }
  for (const part of ["bin", "dist", "config", "package.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return join(folder, "bin/understudy.js");
}

function report(options: BenchOptions, measured: readonly Measured[]): void {
  const results = join(root, "bench/results");
  const file = join(results, "latest.json");
  const ground = { machine: describeMachine(), node: process.versions.node };
  const names = scenariosFor([]).map(({ name }) => name);
  const scenarios = newest(names, keptResults(file, ground), measured);
  const summary: Report = { ...ground, goals: judge(scenarios), scenarios };
  mkdirSync(results, { recursive: true });
  writeFileSync(file, `${JSON.stringify(summary, null, 2)}\n`);
  writeFileSync(join(results, "latest.md"), fullMarkdown(summary));
  process.stdout.write(`${fullMarkdown(summary, measured)}\n`);
  if (!options.updateReadme) return;
  const readme = join(root, "README.md");
  writeFileSync(readme, withMeasurements(readFileSync(readme, "utf8"), goalsMarkdown(summary)));
  progress("README.md holds the new table");
}

try {
  await main();
} catch (problem) {
  progress(problem instanceof Error ? problem.message : String(problem));
  process.exitCode = 1;
}
