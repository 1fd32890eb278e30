// Makes a folder, with those above it that are missing. Node's own `recursive` mkdir never comes back where a folder that
// exists answers ENOENT to whoever makes something in it, as /proc does: up, found, down again, for ever.

import { mkdirSync, statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** What is made belongs to its owner alone. */
const mode = 0o700;

/** Rejects with what the system says where it cannot be made, or where something else has its name. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (thrown) {
    if ((await stat(path).catch(() => null))?.isDirectory()) return; // also made by somebody else meanwhile
    if (!lacksParent(thrown, path)) throw thrown;
    await makeFolder(dirname(path));
    await mkdir(path, mode).catch((again: unknown) => {
      if (codeOf(again) !== "EEXIST") throw again;
    });
  }
}

/** The same at once, for a process that has nothing else to do. */
export function makeFolderSync(path: string): void {
  try {
    mkdirSync(path, mode);
  } catch (thrown) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    if (!lacksParent(thrown, path)) throw thrown;
    makeFolderSync(dirname(path));
    mkdirSync(path, mode);
  }
}

function lacksParent(thrown: unknown, path: string): boolean {
  return codeOf(thrown) === "ENOENT" && dirname(path) !== path;
}

const codeOf = (thrown: unknown) => (thrown as NodeJS.ErrnoException).code; // what fs throws
