// How many files a process may have open here: the ceiling on connections.

import { spawnSync } from "node:child_process";

const wanted = 65_536;

/** Raises the limit as far as it goes, then runs what follows as arguments. */
export const raisingShell = 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"';

/** The hard limit, or `wanted` where it is higher. */
export const openFiles = Math.min(wanted, hardLimit());

/** Connections that a proxy can carry when each takes two sockets. */
export const connectionPairs = Math.floor((openFiles - 400) / 2);

function hardLimit(): number {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" });
  const limit = Number(stdout);
  return Number.isInteger(limit) ? limit : wanted; // "unlimited"
}
