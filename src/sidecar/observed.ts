// Who watches the traffic: metrics, journal, the observers that the caller brought, and the mesh.

import type { MeshReport } from "../control/mesh/member/sidecar-member.ts";
import { readProcessUsage } from "../core/process-usage.ts";
import { type Tap, teeTaps } from "../core/tap.ts";
import { createJournal, type Journal } from "../proxy/tap/journal.ts";
import { createMetrics, type Metrics } from "../proxy/tap/metrics.ts";
import { meshFamilies } from "./mesh-metrics.ts";
import type { SidecarDeps, SidecarOptions } from "./options.ts";

/** Who watches the traffic. */
export interface Observed {
  readonly tap: Tap;
  readonly metrics: Metrics;
  readonly journal: Journal;
  /** What others are told of this sidecar may have changed. */
  readonly changes: Changes;
  /** The mesh at the last scrape. */
  mesh: MeshReport | null;
}

/** How the parts of a sidecar tell one another that it is no longer what it was. */
export interface Changes {
  tell(): void;
  listen(listener: () => void): void;
}

function createChanges(): Changes {
  const listeners = new Set<() => void>();
  return {
    tell() {
      for (const listener of listeners) listener();
    },
    listen: (listener) => void listeners.add(listener),
  };
}

/** The observers of one sidecar, and the one tap that tells them all. */
export function observe(options: SidecarOptions, deps: SidecarDeps): Observed {
  const journal = createJournal(options.settings.journalCalls);
  const changes = createChanges();
  const metrics = createMetrics({
    maxRuleLabels: options.settings.maxRuleLabels,
    clock: deps.clock,
    processUsage: readProcessUsage,
    ...(options.mesh ? { families: meshFamilies(() => observed.mesh) } : {}),
    ...(options.version === undefined ? {} : { version: options.version }),
  });
  const taps = [metrics, journal, ...options.taps, ...(options.mesh ? [rulesTap(changes)] : [])];
  const observed: Observed = { metrics, journal, changes, mesh: null, tap: teeTaps(taps) };
  return observed;
}

/** Other rules in force are worth telling to the mesh. */
function rulesTap(changes: Changes): Tap {
  return {
    observe({ kind }) {
      if (kind === "rules-applied" || kind === "rules-rejected") changes.tell();
    },
  };
}
