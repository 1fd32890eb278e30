// What the admin port answers from: the parts of the sidecar, each through the little that the port needs of it.

import type { Playground } from "../control/admin/playground/routes.ts";
import type { AdminSources, FaultStatus } from "../control/admin/routes.ts";
import type { FaultControl } from "../control/faults/fault-control.ts";
import type { AppWatch } from "../control/health/app-watch.ts";
import type { RuleStore } from "../control/rules/store.ts";
import { formatProblem } from "../core/rule-source.ts";
import type { SidecarMesh } from "./mesh.ts";
import type { Observed } from "./observed.ts";
import type { OpenRules } from "./rules.ts";

/** What is asked about a sidecar. */
export interface AdminParts {
  readonly observed: Observed;
  readonly rules: OpenRules;
  readonly faults: FaultControl;
  readonly isDraining: () => boolean;
}

/** `mesh` and `app`: null where it has none. */
export function adminSources(
  parts: AdminParts,
  mesh: SidecarMesh | null,
  app: AppWatch | null,
): AdminSources {
  const { observed, rules, faults, isDraining } = parts;
  const { metrics, journal } = observed;
  const { store, followed } = rules;
  const problems = () => (store?.status().problems ?? []).map(formatProblem);
  const status = () => faultStatus(faults, mesh);
  return {
    metrics: async () => {
      observed.mesh = mesh && (await mesh.report());
      return { contentType: metrics.contentType, text: await metrics.scrape() };
    },
    journal: (filter) => journal.entries(filter),
    rules: () => ({
      revision: store?.status().revision ?? null,
      count: store?.rules().rules.length ?? 0,
      problems: problems(),
    }),
    ready: () => {
      const reasons = [...(isDraining() ? ["draining"] : []), ...problems().map((text) => `rules: ${text}`)];
      const details = [
        ...(store && problems().length > 0 ? [meanwhile(store)] : []),
        ...(followed ? [followed.standing()] : []),
        ...(mesh ? [mesh.member.standing()] : []),
        ...(app ? [`app: ${app.health}${app.reason === "" ? "" : `: ${app.reason}`}`] : []),
        ...(faults.switch.stop.halted ? ["faults: stopped"] : []),
      ];
      return { ready: reasons.length === 0, reasons, ...(details.length > 0 ? { details } : {}) };
    },
    ...(store ? { playground: playgroundOf(store) } : {}),
    faults: {
      status,
      say(halted, by) {
        faults.switch.say(halted, by);
        return status();
      },
    },
    mesh: async (withFaultNames) =>
      mesh === null ? null : mesh.describe(await mesh.report(), withFaultNames),
  };
}

/** What holds while the newest rules are wrong or gone; faults among them go on. */
function meanwhile(store: RuleStore): string {
  const count = store.rules().rules.length;
  if (count === 0) return "rules: none are in force, everything is relayed";
  return count === 1 ? "rules: 1 from before stays in force" : `rules: ${count} from before stay in force`;
}

function faultStatus(faults: FaultControl, mesh: SidecarMesh | null): FaultStatus {
  const { halted, time, by } = faults.switch.stop;
  return { halted, time, by, faults: faults.present, members: mesh?.stops() ?? [] };
}

/** The mocks from a schema of the rules in force. */
function playgroundOf(store: RuleStore): Playground {
  const mocked = () =>
    store
      .rules()
      .rules.filter(({ spec }) => spec.respond?.kind === "graphql" && spec.respond.answer.kind === "schema");
  return {
    rules: () => mocked().map(({ spec }) => spec.name),
    async ask(name, { accept, body }, signal) {
      const rule = mocked().find(({ spec }) => spec.name === name);
      if (!rule) return null;
      const { askMock } = await import("../proxy/perform/ask-mock.ts");
      const headers = [
        ["content-type", "application/json"],
        ["accept", accept],
      ] as const;
      return askMock(rule, { method: "POST", path: "/graphql", headers, body }, signal);
    },
  };
}
