// What this process costs, in the names that Prometheus clients agree on. The only reader of those system figures.

import { readdir } from "node:fs/promises";

/** Seconds and bytes; counted since the process began. */
export interface ProcessUsage {
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  /** null where the system does not tell. */
  readonly openFileDescriptors: number | null;
  /** Seconds since the Unix epoch. */
  readonly startedAtSeconds: number;
  /** Seconds in which the event loop was at work: near one per second means that one core is full. */
  readonly eventLoopActiveSeconds: number;
}

/** Reads the figures anew. Costs nothing between two calls: no sampling timer, no observer of garbage collections. */
export async function readProcessUsage(): Promise<ProcessUsage> {
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage();
  return {
    cpuUserSeconds: cpu.user / 1e6,
    cpuSystemSeconds: cpu.system / 1e6,
    residentBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external + memory.arrayBuffers,
    openFileDescriptors: await openFileDescriptors(),
    startedAtSeconds: performance.timeOrigin / 1000,
    eventLoopActiveSeconds: performance.eventLoopUtilization().active / 1000,
  };
}

async function openFileDescriptors(): Promise<number | null> {
  try {
    return (await readdir("/proc/self/fd")).length - 1; // the reading itself holds one open
  } catch {
    return null;
  }
}
