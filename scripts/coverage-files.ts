// Reads what V8 wrote of every process of a test run (NODE_V8_COVERAGE) and says which lines of src ran.
//
// The runner's own summary gives up over a single broken file; tests that kill processes leave such files behind.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface FileCoverage {
  /** Absolute. */
  readonly path: string;
  readonly totalLineCount: number;
  readonly coveredLineCount: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly ranges: readonly {
      readonly startOffset: number;
      readonly endOffset: number;
      readonly count: number;
    }[];
  }[];
}

/** The files under `root`/src that ran in any process; a line counts when it ran in one of them. */
export function readCoverage(folder: string, root: string): readonly FileCoverage[] {
  const files = new Map<string, { readonly lines: readonly Line[]; readonly covered: Set<number> }>();
  for (const name of readdirSync(folder)) {
    for (const script of scriptsOf(join(folder, name), join(root, "src"))) {
      const path = fileURLToPath(script.url);
      const file = files.get(path) ?? { lines: linesOf(readFileSync(path, "utf8")), covered: new Set() };
      files.set(path, file);
      for (const line of coveredBy(script, file.lines)) file.covered.add(line);
    }
  }
  return [...files].map(([path, { lines, covered }]) => ({
    path,
    totalLineCount: lines.length,
    coveredLineCount: covered.size,
  }));
}

/** [] for a file that was cut off. */
function scriptsOf(path: string, sources: string): readonly Script[] {
  try {
    // The shape is V8's, documented with its inspector protocol (Profiler.ScriptCoverage).
    const { result } = JSON.parse(readFileSync(path, "utf8")) as { result: readonly Script[] };
    return result.filter(({ url }) => url.startsWith(`file://${sources}/`));
  } catch {
    return [];
  }
}

interface Line {
  readonly start: number;
  readonly end: number;
}

function linesOf(text: string): readonly Line[] {
  let start = 0;
  return text.split("\n").map((line) => {
    const from = start;
    start += line.length + 1;
    // What stands before the code of a line is no part of it; a range begins with the code.
    return { start: from + line.length - line.trimStart().length, end: from + line.trimEnd().length };
  });
}

/** Numbers of the lines that ran. Ranges come from the outside in: the last one around a line decides. */
function coveredBy(script: Script, lines: readonly Line[]): readonly number[] {
  const ran = lines.map(() => false);
  for (const { ranges } of script.functions)
    for (const { startOffset, endOffset, count } of ranges)
      for (let at = firstFrom(lines, startOffset); at < lines.length; at++) {
        const line = lines[at];
        if (line === undefined || line.end > endOffset) break;
        ran[at] = count > 0;
      }
  // Nothing can fail to run on a blank line.
  return lines.flatMap(({ start, end }, at) => (ran[at] || start >= end ? [at] : []));
}

/** The first line that begins at or after `offset`, by halving. */
function firstFrom(lines: readonly Line[], offset: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.start ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
