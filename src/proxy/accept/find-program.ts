// Finds a program as a shell would, so that its absence can be told before anything is set up for it.

import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";

export type FoundProgram =
  | { readonly kind: "found"; readonly file: string }
  /** The exit codes of a shell: POSIX XCU §2.8.2. */
  | { readonly kind: "missing"; readonly exitCode: 126 | 127; readonly reason: string };

const usualPath = "/usr/local/bin:/usr/bin:/bin"; // what execvp takes where PATH is not set

/** `name`: a word as typed; with a slash it is a path, as seen from `cwd`. */
export function findProgram(name: string, path: string | undefined, cwd: string): FoundProgram {
  if (name.includes("/")) return judge(isAbsolute(name) ? name : resolve(cwd, name), name);
  let best: FoundProgram = { kind: "missing", exitCode: 127, reason: `${name}: command not found` };
  for (const folder of (path ?? usualPath).split(":")) {
    const found = judge(resolve(cwd, join(folder, name)), name);
    if (found.kind === "found") return found;
    // What exists but may not run is the better explanation.
    if (found.exitCode === 126 && best.kind === "missing" && best.exitCode === 127) best = found;
  }
  return best;
}

function judge(file: string, name: string): FoundProgram {
  try {
    if (statSync(file).isDirectory()) {
      return { kind: "missing", exitCode: 126, reason: `${name}: is a directory` };
    }
  } catch {
    return { kind: "missing", exitCode: 127, reason: `${name}: no such file` };
  }
  try {
    accessSync(file, constants.X_OK);
    return { kind: "found", file };
  } catch {
    return { kind: "missing", exitCode: 126, reason: `${name}: not executable (${file})` };
  }
}
