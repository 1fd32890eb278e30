// npm run bench: measures Understudy beside its peers in one run and says which goals are reached.
// Loopback only; every process it starts is ended with it, also on Ctrl-C. Results: bench/results/latest.{json,md}.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scenariosFor } from "./catalogue.ts";
import { judge } from "./goals.ts";
import { installModules } from "./modules.ts";
import { type BenchOptions, readOptions, usage } from "./options.ts";
import { killAll, stopAll } from "./processes.ts";
import { describeMachine, fullMarkdown, goalsMarkdown, type Report, withMeasurements } from "./report.ts";
import type { ScenarioResult } from "./scenarios/scenario.ts";
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
): Promise<readonly ScenarioResult[]> {
  const folder = (): string => mkdtempSync(join(scratch, "peer-"));
  const upstream = await startUpstream(folder());
  const program = buildProgram(join(scratch, "understudy"));
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    stop.signal.throwIfAborted();
    progress(`== ${scenario.name}: ${scenario.title}`);
    try {
      results.push(await scenario.run({ options, upstream, program, signal: stop.signal, progress, folder }));
    } catch (problem) {
      stop.signal.throwIfAborted();
      const why = problem instanceof Error ? problem.message : String(problem);
      progress(`${scenario.name} failed: ${why}`);
      const { name, title } = scenario;
      const nothing = { unit: "request", reference: "", rows: [], facts: [] } as const;
      results.push({ name, title, ...nothing, leftOut: [{ peer: "all", why }] });
    }
  }
  return results;
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

function report(options: BenchOptions, scenarios: readonly ScenarioResult[]): void {
  const summary: Report = {
    measuredAt: new Date().toISOString(),
    machine: describeMachine(),
    node: process.versions.node,
    slices: options.slices,
    seconds: options.seconds,
    goals: judge(scenarios),
    scenarios,
  };
  const results = join(root, "bench/results");
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, "latest.json"), `${JSON.stringify(summary, null, 2)}\n`);
  writeFileSync(join(results, "latest.md"), fullMarkdown(summary));
  process.stdout.write(`${fullMarkdown(summary)}\n`);
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
