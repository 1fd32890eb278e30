// Sums up line coverage. A source that no test loaded counts as uncovered, unless nothing is left of it at run time.

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join, relative } from "node:path";
import type { FileCoverage } from "./coverage-files.ts";

export interface CoverageReport {
  readonly linePercent: number;
  /** For people: the one line of the total. */
  readonly total: string;
  /** The total, then the files below the goal, worst first. */
  readonly text: string;
}

/** `loaded`: the files that ran, with absolute paths. Files below `goalPercent` are listed. */
export function coverageReport(
  root: string,
  loaded: readonly FileCoverage[],
  goalPercent: number,
): CoverageReport {
  const ran = new Set(loaded.map(({ path }) => path));
  const files = [...loaded, ...sourcesOf(root).filter(({ path }) => !ran.has(path))];
  const covered = files.reduce((sum, file) => sum + file.coveredLineCount, 0);
  const total = files.reduce((sum, file) => sum + file.totalLineCount, 0);
  const linePercent = total === 0 ? 100 : (100 * covered) / total;
  const low = files
    .map((file) => ({
      name: relative(root, file.path),
      percent: percentOf(file),
      lines: file.totalLineCount,
    }))
    .filter(({ percent }) => percent < goalPercent)
    .sort((a, b) => a.percent - b.percent)
    .map(({ name, percent, lines }) => `  ${percent.toFixed(1).padStart(5)} %  ${name} (${lines} lines)`);
  const head = `line coverage of src: ${linePercent.toFixed(1)} % (${covered} of ${total} lines, ${files.length} files)`;
  return {
    linePercent,
    total: head,
    text: low.length === 0 ? head : `${head}\nbelow ${goalPercent} %:\n${low.join("\n")}`,
  };
}

function percentOf(file: FileCoverage): number {
  return file.totalLineCount === 0 ? 100 : (100 * file.coveredLineCount) / file.totalLineCount;
}

/** Every source with code in it, as if nothing of it had run. */
function sourcesOf(root: string): readonly FileCoverage[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(root, "src", name))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }))
    .filter(({ text }) => hasCode(text))
    .map(({ path, text }) => ({ path, totalLineCount: text.split("\n").length, coveredLineCount: 0 }));
}

function hasCode(text: string): boolean {
  const code = stripTypeScriptTypes(text).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  // `import type` leaves nothing, or an empty export that marks the file as a module.
  return code.replace(/export\s*\{\s*\};?/g, "").trim() !== "";
}
