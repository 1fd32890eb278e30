// Ends what is left in a network namespace where no PID namespace does it: finds processes through /proc.

import { readdirSync, readlinkSync } from "node:fs";

const maxRounds = 20;

/** Process ids whose network namespace is `network` (`net:[…]`), without those in `spare`. */
export function processesIn(network: string, spare: readonly number[], proc = "/proc"): readonly number[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !spare.includes(pid) && networkOf(pid, proc) === network);
}

/** Kills until nobody is left: a process may have forked while we looked. */
export function sweep(
  network: string,
  spare: readonly number[],
  kill: (pids: readonly number[]) => void,
  proc = "/proc",
): void {
  for (let round = 0; round < maxRounds; round++) {
    const found = processesIn(network, spare, proc);
    if (found.length === 0) return;
    kill(found);
  }
}

/** The network namespace of a process; "" where it is gone or not ours to see. Zombies have none. */
export function networkOf(pid: number | "self", proc = "/proc"): string {
  try {
    return readlinkSync(`${proc}/${pid}/ns/net`);
  } catch {
    return "";
  }
}
