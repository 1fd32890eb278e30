// npm test: runs every test/**/*.test.ts in a process of its own, states the line coverage of src, and fails
// below the goal. Failures are repeated at the end by the spec reporter.
//
//   npm test                                   all, with coverage
//   npm test -- test/core test/proxy/match     folders or files; coverage is stated, not enforced
//   npm test -- --name "delay: "               tests whose name matches the regular expression
//
// CI=true turns a skipped test into a failure, so that a missing component cannot hide.

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { coverageReport } from "./coverage.ts";
import { readCoverage } from "./coverage-files.ts";
import { testFiles } from "./test-files.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const lineGoalPercent = 85;
const testTimeoutMs = 120_000;
/** A file whose process does not end (an open socket, say) ends the whole run, by name. */
const fileTimeoutMs = 300_000;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: "string", multiple: true },
    "test-name-pattern": { type: "string", multiple: true },
    "no-coverage": { type: "boolean", default: false },
    jobs: { type: "string", default: String(Math.min(4, availableParallelism())) },
  },
});
const names = [...(flags.name ?? []), ...(flags["test-name-pattern"] ?? [])];
const files = testFiles(
  root,
  positionals.map((path) => resolve(path)),
);
if (files.length === 0) {
  console.error(`npm test: no *.test.ts under ${positionals.join(", ") || "test/"}`);
  process.exit(64);
}
const jobs = Number(flags.jobs);
if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64) {
  console.error(`npm test: --jobs: expected a whole number from 1 to 64, got "${flags.jobs}"`);
  process.exit(64);
}
const whole = positionals.length === 0 && names.length === 0;
const skipped: string[] = [];
const problems: string[] = [];
const coverageFolder = flags["no-coverage"] ? null : mkdtempSync(join(tmpdir(), "understudy-coverage-"));

const stop = new AbortController();
process.once("SIGINT", () => {
  problems.push("interrupted");
  stop.abort();
});
process.once("exit", () => {
  if (coverageFolder !== null) rmSync(coverageFolder, { recursive: true, force: true });
});
const watchdogs = new Map<string, NodeJS.Timeout>();
const stream = run({
  files,
  concurrency: jobs,
  timeout: testTimeoutMs,
  signal: stop.signal,
  testNamePatterns: names.map((name) => new RegExp(name)),
  cwd: root,
  env: coverageFolder === null ? process.env : { ...process.env, NODE_V8_COVERAGE: coverageFolder },
});
// The runner's own timeout is for tests: it lets a file's process live on after its last test.
stream.on("test:dequeue", ({ name, file }) => {
  if (file === undefined || name !== file) return;
  const giveUp = (): void => {
    problems.push(
      `${relative(root, file)} did not end within ${fileTimeoutMs / 1000} s; the rest was not run`,
    );
    stop.abort();
  };
  watchdogs.set(file, setTimeout(giveUp, fileTimeoutMs));
});
stream.on("test:complete", ({ name }) => clearTimeout(watchdogs.get(name)));
stream.on("test:fail", (event) => {
  if (event.todo === undefined || event.todo === false) process.exitCode = 1;
});
stream.on("test:pass", (event) => {
  if (event.skip !== undefined && event.skip !== false) {
    const reason = typeof event.skip === "string" && event.skip !== "" ? ` (${event.skip})` : "";
    skipped.push(`${relative(root, event.file ?? "")}: ${event.name}${reason}`);
  }
});
const shown = stream.compose(new spec());
shown.on("end", finish);
shown.pipe(process.stdout, { end: false });

function finish(): void {
  for (const watchdog of watchdogs.values()) clearTimeout(watchdog);
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
  if (skipped.length > 0 && process.env.CI === "true")
    problems.push(`${skipped.length} skipped; with CI=true nothing may be`);
  if (coverageFolder !== null) stateCoverage(coverageFolder);
  for (const problem of problems) console.log(`\nFAILED: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

function stateCoverage(folder: string): void {
  const report = coverageReport(root, readCoverage(folder, root), lineGoalPercent);
  console.log(`\n${whole ? report.text : report.total}`);
  if (whole && report.linePercent < lineGoalPercent)
    problems.push(
      `line coverage of src is ${report.linePercent.toFixed(1)} %, expected ${lineGoalPercent} % at least`,
    );
}
