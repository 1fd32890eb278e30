// The mesh in the metrics: what is known of it at a scrape.

import type { BudgetReport } from "../control/mesh/budget/shared-budgets.ts";
import type { MeshStatus } from "../control/mesh/mesh.ts";
import type { MetricFamily, Sample } from "../proxy/tap/exposition.ts";
import type { MeshView } from "./mesh.ts";

/** Rules with a budget in the metrics. */
const maxSeries = 100;

const statuses: readonly MeshStatus[] = ["alive", "leaving", "left", "failed"];

/** `report`: the newest; null where there is no mesh, and then there are no series. */
export function meshFamilies(report: () => MeshView | null): readonly MetricFamily[] {
  const family = (
    name: string,
    help: string,
    type: "gauge" | "counter",
    samples: (report: MeshView) => readonly Sample[],
  ): MetricFamily => ({
    ...{ name: `understudy_mesh_${name}`, help, type },
    samples: () => {
      const newest = report();
      return newest === null ? [] : samples(newest);
    },
  });
  const count = (value: number | undefined): readonly Sample[] =>
    value === undefined ? [] : [{ labels: {}, value }];
  return [
    family("members", "Members of the mesh by what is known of them, this one too.", "gauge", ({ members }) =>
      statuses.map((status) => ({
        labels: { status },
        value: members.filter(({ member }) => member.status === status).length,
      })),
    ),
    family(
      "health_score",
      "Doubt of this member in its own network: 0 is none, 7 the most.",
      "gauge",
      ({ state }) => count(state?.awareness),
    ),
    family("probes_total", "Members that were asked whether they are alive.", "counter", ({ state }) =>
      count(state?.counters.probes),
    ),
    family("failed_probes_total", "Of those, the ones that did not answer in time.", "counter", ({ state }) =>
      count(state?.counters.failedProbes),
    ),
    family("suspicions_total", "Times that some member was suspected.", "counter", ({ state }) =>
      count(state?.counters.suspicions),
    ),
    family("refutations_total", "Times that this member had to say that it lives.", "counter", ({ state }) =>
      count(state?.counters.refutations),
    ),
    family("dropped_total", "Packets and streams that were not used.", "counter", ({ state }) =>
      Object.entries(state?.counters.dropped ?? {}).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    family(
      "lost_events_total",
      "News of the mesh that came too fast for this process.",
      "counter",
      ({ state }) => count(state?.lostEvents),
    ),
    ...budgetFamilies(() => report()?.budgets ?? null),
  ];
}

function budgetFamilies(report: () => readonly BudgetReport[] | null): readonly MetricFamily[] {
  const family = (name: string, help: string, value: (budget: BudgetReport) => number): MetricFamily => ({
    ...{ name: `understudy_mesh_budget_${name}`, help, type: "gauge" },
    samples: () =>
      (report() ?? [])
        .slice(0, maxSeries)
        .map((budget) => ({ labels: { rule: budget.rule }, value: value(budget) })),
  });
  return [
    family("share", "Calls at once that this sidecar allows a rule with maxActive.", ({ share }) => share),
    family("active", "Calls under the rule in this sidecar.", ({ active }) => active),
    family("others", "Calls at once that the other sidecars of the mesh count on.", ({ others }) => others),
    family("withheld", "Calls at once that failed sidecars counted on.", ({ withheld }) => withheld),
  ];
}
