// Is a peer here at all?

import { existsSync } from "node:fs";
import { join } from "node:path";
import { benchModule } from "../modules.ts";

/** A program on the PATH; /usr/sbin counts, where Debian puts servers. Null when it is here, else what to install. */
export function missingProgram(name: string): string | null {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, name))) ? null : `the program ${name}`;
}

/** A package of bench/package.json. */
export function missingModule(name: string): string | null {
  return existsSync(benchModule(name)) ? null : `the npm package ${name}`;
}
