// The figures of the process itself under the names that Prometheus clients agree on, so that stock dashboards work.

import type { ProcessUsage } from "../../core/process-usage.ts";
import type { MetricFamily } from "./exposition.ts";

type Row = readonly [
  name: string,
  type: "counter" | "gauge",
  help: string,
  of: (usage: ProcessUsage) => number | null,
];

const rows: readonly Row[] = [
  ["process_cpu_user_seconds_total", "counter", "User CPU time.", (usage) => usage.cpuUserSeconds],
  ["process_cpu_system_seconds_total", "counter", "System CPU time.", (usage) => usage.cpuSystemSeconds],
  [
    "process_cpu_seconds_total",
    "counter",
    "User and system CPU time.",
    (usage) => usage.cpuUserSeconds + usage.cpuSystemSeconds,
  ],
  ["process_resident_memory_bytes", "gauge", "Resident memory.", (usage) => usage.residentBytes],
  ["process_start_time_seconds", "gauge", "Start since the Unix epoch.", (usage) => usage.startedAtSeconds],
  ["process_open_fds", "gauge", "Open file descriptors.", (usage) => usage.openFileDescriptors],
  ["nodejs_heap_size_used_bytes", "gauge", "JavaScript heap in use.", (usage) => usage.heapUsedBytes],
  ["nodejs_external_memory_bytes", "gauge", "Buffers outside the heap.", (usage) => usage.externalBytes],
  [
    "nodejs_eventloop_active_seconds_total",
    "counter",
    "Time in which the event loop was at work.",
    (usage) => usage.eventLoopActiveSeconds,
  ],
];

/** `latest` is asked at each scrape; null leaves the samples out. */
export function processFamilies(latest: () => ProcessUsage | null): readonly MetricFamily[] {
  return rows.map(([name, type, help, of]) => ({
    name,
    type,
    help,
    samples: () => {
      const usage = latest();
      const value = usage && of(usage);
      return value === null ? [] : [{ labels: {}, value }];
    },
  }));
}
