// Reads what the kernel knows: run time of process trees, load of the machine, memory. Linux only.
//
// /proc/PID/task/*/schedstat counts nanoseconds on a core, where /proc/PID/stat counts ticks of 10 ms.

import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** The proxy under test has a core to itself; what drives and answers it shares the other. */
export const cores = { proxy: availableParallelism() > 1 ? 1 : 0, rest: 0 } as const;

const tickMs = 10; // USER_HZ is 100 wherever Linux runs Node

/** Nanoseconds that the process and its descendants have run. Threads that ended are not counted. */
export function runTimeNs(pid: number): number {
  return treeOf(pid).reduce((sum, member) => sum + threadsRunTimeNs(member), 0);
}

function threadsRunTimeNs(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
      const [onCore = "0"] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      return sum + Number(onCore);
    }, 0);
  } catch {
    return 0; // ended in between
  }
}

/** Resident bytes of the process and its descendants; `peak` since each began. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  const sum = { now: 0, peak: 0 };
  for (const member of treeOf(pid)) {
    const status = readOrEmpty(`/proc/${member}/status`);
    sum.now += kilobytes(status, "VmRSS") * 1024;
    sum.peak += kilobytes(status, "VmHWM") * 1024;
  }
  return sum;
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}

/** The process and its descendants; [] when it is gone. */
export function treeOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(Number(name));
    if (fields !== null) parents.set(Number(name), Number(fields[1]));
  }
  if (!parents.has(pid)) return [];
  const tree = [pid];
  for (const member of tree) for (const [child, parent] of parents) if (parent === member) tree.push(child);
  return tree;
}

/** Fields of /proc/PID/stat from the third on (state is 0, parent 1), or null when it is gone. */
function statFields(pid: number): readonly string[] | null {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  return text === "" ? null : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Milliseconds that all cores were busy or taken away by the hypervisor, since boot. */
export function machineBusyMs(): number {
  const [, ...fields] = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "").split(/\s+/);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields.map(Number);
  return (user + nice + system + irq + softirq + steal) * tickMs;
}

/** Milliseconds that we, our living descendants and those that ended have run. */
export function ownBusyMs(): number {
  const fields = statFields(process.pid) ?? [];
  const ended = (Number(fields[13]) + Number(fields[14])) * tickMs; // cutime, cstime
  return runTimeNs(process.pid) / 1e6 + ended;
}
