// The mesh in the metrics: what is known of it at a scrape.

import type { MeshReport } from "../control/mesh/member/sidecar-member.ts";
import type { MeshStatus } from "../control/mesh/mesh.ts";
import type { MetricFamily, Sample } from "../proxy/tap/exposition.ts";

const statuses: readonly MeshStatus[] = ["alive", "leaving", "left", "failed"];

/** `report`: the newest; null where there is no mesh, and then there are no series. */
export function meshFamilies(report: () => MeshReport | null): readonly MetricFamily[] {
  const family = (
    name: string,
    help: string,
    type: "gauge" | "counter",
    samples: (report: MeshReport) => readonly Sample[],
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
  ];
}
