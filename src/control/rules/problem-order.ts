// The order in which problems are read: as the files were given, and down the lines of each.

import type { Problem } from "../../core/rule-source.ts";

/** Files keep the order in which they first appear; problems without a line come first in theirs. */
export function inOrderOfLines(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map<string, number>();
  const placed = problems.map((problem) => {
    const [, file = problem.place, line = "0"] = /^(.*):(\d+)$/.exec(problem.place) ?? [];
    if (!files.has(file)) files.set(file, files.size);
    return { problem, file: files.get(file) ?? 0, line: Number(line) };
  });
  return placed.sort((a, b) => a.file - b.file || a.line - b.line).map(({ problem }) => problem);
}
