// The version of this program, as its package says.

import { readFileSync } from "node:fs";

/** `0.1.0`. Works alike from the sources and from the compiled package: both lie two folders below package.json. */
export function programVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { version: string }; // our own file
  return version;
}
