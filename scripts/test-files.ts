// Finds the test files that a run is about.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Absolute paths of `*.test.ts`, sorted. `paths`: absolute files or folders; none means the whole `test` folder.
 * Throws where a path does not exist.
 */
export function testFiles(root: string, paths: readonly string[]): readonly string[] {
  const starts = paths.length === 0 ? [join(root, "test")] : paths;
  return [...new Set(starts.flatMap(under))].sort();
}

function under(path: string): readonly string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
    .map((name) => join(path, name));
}
