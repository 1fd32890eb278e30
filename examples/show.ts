// A demo: steps that are told and checked, in a folder of its own, and nothing left behind however it ends.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAll, stopAll } from "./processes.ts";

export interface Show {
  /** For whatever the demo writes; gone with it. */
  readonly folder: string;
  /** Begins a step. */
  title(text: string): void;
  /** Tells what was seen, and whether it is as said. */
  check(what: string, holds: boolean, seen: string): void;
}

/**
 * Plays it, then ends every process that it started. The exit code is 1 where something was not as said, `play` threw, or it
 * took longer than `deadlineMs`.
 */
export async function show(deadlineMs: number, play: (show: Show) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "understudy-demo-"));
  let failures = 0;
  process.once("exit", () => {
    killAll();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const tooLong = setTimeout(() => {
    console.log(`demo: did not end within ${deadlineMs / 1000} s`);
    process.exit(1);
  }, deadlineMs);
  try {
    await play({
      folder,
      title: (text) => console.log(`\n${text}`),
      check(what, holds, seen) {
        if (!holds) failures += 1;
        console.log(`  ${holds ? "✔" : "✘"} ${what}: ${seen}`);
      },
    });
  } catch (problem) {
    failures += 1;
    console.log(`demo: ${problem instanceof Error ? problem.message : String(problem)}`);
  } finally {
    await stopAll();
    clearTimeout(tooLong);
  }
  console.log(failures === 0 ? "\nAll as said." : `\n${failures} not as said.`);
  process.exitCode = failures === 0 ? 0 : 1;
}
