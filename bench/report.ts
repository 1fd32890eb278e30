// Turns results into what people read: Markdown tables, and the part of README.md between two markers.

import { cpus, totalmem } from "node:os";
import { titleOf } from "./catalogue.ts";
import type { GoalOutcome } from "./goals.ts";
import type { Measured } from "./kept-results.ts";
import type { ScenarioResult } from "./scenarios/scenario.ts";

export interface Report {
  readonly machine: string;
  readonly node: string;
  readonly goals: readonly GoalOutcome[];
  readonly scenarios: readonly Measured[];
}

export function describeMachine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? "unknown processor"}, ${Math.round(totalmem() / 1e9)} GB`;
}

/** Goals first, then each of `scenarios` in full. */
export function fullMarkdown(report: Report, scenarios = report.scenarios): string {
  return [
    goalsMarkdown(report),
    ...scenarios.map((scenario) =>
      [
        `### ${scenario.title}`,
        loadTable(scenario),
        factTable(scenario),
        leftOutLines(scenario),
        `${slicesOf([scenario])}, ${daysOf([scenario])}.`,
      ]
        .filter((part) => part !== "")
        .join("\n\n"),
    ),
    "",
  ].join("\n\n");
}

/** What README.md shows. */
export function goalsMarkdown(report: Report): string {
  const rows = report.goals.map(({ goal, limit, unit, reached, ok }) => [
    goal,
    `≤ ${limit} ${unit}`,
    reached === null ? "not measured" : `${significant(reached)} ${unit}`,
    ok === null ? "–" : ok ? "yes" : "**no**",
  ]);
  const { node, machine, scenarios } = report;
  const caption =
    `Medians of ${slicesOf(scenarios)} each, interleaved, proxy pinned to one core, ` +
    `Node ${node}, ${machine}, ${daysOf(scenarios)}. ` +
    "CPU is run time of all threads of the proxy divided by completed requests.";
  return `${table(["goal", "limit", "measured", "reached"], rows)}\n\n${caption}`;
}

/** As "3 to 9 slices of 1 s". */
function slicesOf(scenarios: readonly Measured[]): string {
  const range = (values: readonly number[]): string => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return least === most ? String(least) : `${least} to ${most}`;
  };
  const [slices, seconds] = [scenarios.map((each) => each.slices), scenarios.map((each) => each.seconds)];
  return `${range(slices)} slices of ${range(seconds)} s`;
}

/** As "2026-11-21" or "2026-11-20 to 2026-11-21". */
function daysOf(scenarios: readonly Measured[]): string {
  const days = scenarios.map(({ measuredAt }) => measuredAt.slice(0, 10)).sort();
  const [first, last] = [days[0] ?? "", days.at(-1) ?? ""];
  return first === last ? first : `${first} to ${last}`;
}

function loadTable(scenario: ScenarioResult): string {
  if (scenario.rows.length === 0) return "";
  const isLatency = scenario.name === "latency";
  const perUnit = `CPU µs per ${scenario.unit}`;
  const columns = [
    "",
    perUnit,
    `× ${scenario.reference}`,
    `${scenario.unit === "MB" ? "MB" : `${scenario.unit}s`}/s`,
    "p50 ms",
    "p99 ms",
    ...(isLatency ? ["added p99 ms"] : []),
    "RSS MB",
    "errors",
  ];
  const rows = scenario.rows.map((row) => [
    titleOf(row.peer),
    row.peer === "direct" ? "" : significant(row.cpuUs),
    row.ratio === null ? "" : row.ratio.toFixed(2),
    Math.round(row.perSecond).toLocaleString("en"),
    row.p50Ms === null ? "" : row.p50Ms.toFixed(2),
    row.p99Ms === null ? "" : row.p99Ms.toFixed(2),
    ...(isLatency ? [row.addedP99Ms === null ? "" : row.addedP99Ms.toFixed(2)] : []),
    row.peer === "direct" ? "" : Math.round(row.rssMb).toString(),
    row.errors.toString() + (row.disturbed > 0 ? ` (${row.disturbed}/${row.slices} slices disturbed)` : ""),
  ]);
  return table(columns, rows);
}

function factTable(scenario: ScenarioResult): string {
  if (scenario.facts.length === 0) return "";
  const names = [...new Set(scenario.facts.map(({ name }) => name))];
  const peers = [...new Set(scenario.facts.map(({ peer }) => peer))];
  const cell = (peer: string, name: string): string => {
    const fact = scenario.facts.find((candidate) => candidate.peer === peer && candidate.name === name);
    return fact === undefined ? "" : `${significant(fact.value)} ${fact.unit}`.trim();
  };
  const rows = peers.map((peer) => [titleOf(peer), ...names.map((name) => cell(peer, name))]);
  return table(["", ...names], rows);
}

function leftOutLines(scenario: ScenarioResult): string {
  return scenario.leftOut
    .map(({ peer, why }) => `Left out: ${titleOf(peer)}: ${why.split("\n")[0]}`)
    .join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join(
    "\n",
  );
}

function significant(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(2);
}

const begin = "<!-- bench:begin -->";
const end = "<!-- bench:end -->";

/** The document with its measured part replaced. Throws where the markers are missing. */
export function withMeasurements(document: string, markdown: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md: expected ${begin} and, after it, ${end}`);
  return `${document.slice(0, from + begin.length)}\n${markdown}\n${document.slice(to)}`;
}
