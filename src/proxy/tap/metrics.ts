// Prometheus metrics: plain numbers while calls run, turned into samples when somebody scrapes.

import type { Clock } from "../../core/clock.ts";
import type { ProcessUsage } from "../../core/process-usage.ts";
import type { Tap } from "../../core/tap.ts";
import { createCounters } from "./counters.ts";
import type { MetricFamily } from "./exposition.ts";
import { gauge, one, trafficFamilies } from "./metric-families.ts";
import { processFamilies } from "./process-families.ts";

/** A figure that somebody else keeps, read at each scrape. `name` carries its unit: `understudy_upstream_links`. */
export interface GaugeReading {
  readonly name: string;
  readonly help: string;
  read(): number;
}

export interface MetricsDeps {
  /** Rules with series of their own; later ones share `other`. */
  readonly maxRuleLabels: number;
  readonly clock: Pick<Clock, "wall">;
  readonly version?: string;
  readonly gauges?: readonly GaugeReading[];
  /** What somebody else counts. */
  readonly families?: readonly MetricFamily[];
  /** Left out: no `process_…` metrics. */
  readonly processUsage?: () => Promise<ProcessUsage>;
}

export interface Metrics extends Tap {
  /** All metrics in the text format; loads prom-client the first time. */
  scrape(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(deps: MetricsDeps): Metrics {
  const counters = createCounters(deps.maxRuleLabels, deps.clock);
  let usage: ProcessUsage | null = null;
  let exposition: Promise<() => Promise<string>> | null = null;
  const families = (): readonly MetricFamily[] => [
    ...trafficFamilies(counters),
    ...(deps.gauges ?? []).map(({ name, help, read }) => gauge(name, help, () => one(read()))),
    ...(deps.families ?? []),
    ...versionFamilies(deps.version),
    ...(deps.processUsage ? processFamilies(() => usage) : []),
  ];
  return {
    observe: counters.observe,
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    scrape: shared(async () => {
      exposition ??= import("./exposition.ts").then(({ createExposition }) => createExposition(families()));
      const render = await exposition;
      usage = (await deps.processUsage?.()) ?? null;
      return render();
    }),
  };
}

/** Who asks while the work is under way shares the next turn of it: many who scrape at once cost traffic two turns. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  const begin = () => {
    next = null;
    const turn = work();
    running = turn.catch(() => undefined);
    return turn;
  };
  return () => {
    next ??= running.then(begin);
    return next;
  };
}

function versionFamilies(version: string | undefined): readonly MetricFamily[] {
  if (version === undefined) return [];
  return [
    gauge("understudy_build_info", "Version of this program.", () => [{ labels: { version }, value: 1 }]),
  ];
}
