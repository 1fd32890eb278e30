// The control plane's part of the composition root, beside sidecar.ts: what stops faults, asks after the service, gossips, and
// answers on the admin port. None of it is on the path of a call.

import type { Playground } from "./control/admin/playground/routes.ts";
import type { AdminSources, FaultStatus } from "./control/admin/routes.ts";
import { startAdmin } from "./control/admin/server.ts";
import { FaultControl } from "./control/faults/fault-control.ts";
import { HarmlessRules } from "./control/faults/harmless-rules.ts";
import type { AppWatch } from "./control/health/app-watch.ts";
import type { MeshReport } from "./control/mesh/member/sidecar-member.ts";
import type { FollowedStore } from "./control/rules/follow-store.ts";
import type { RuleStore } from "./control/rules/store.ts";
import type { HostPort } from "./core/address.ts";
import type { Clock } from "./core/clock.ts";
import { type Compile, noRules, type RuleSet } from "./core/rule-set.ts";
import { formatProblem } from "./core/rule-source.ts";
import type { Tap } from "./core/tap.ts";
import type { Journal } from "./proxy/tap/journal.ts";
import type { Metrics } from "./proxy/tap/metrics.ts";
import type { SidecarMesh } from "./sidecar-mesh.ts";
import type { SidecarDeps, SidecarOptions } from "./sidecar-options.ts";

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

export interface Changes {
  tell(): void;
  listen(listener: () => void): void;
}

/** Where the rules come from. */
export interface OpenRules {
  /** null: no rules at all. */
  readonly store: RuleStore | null;
  readonly followed: FollowedStore | null;
  /** null without rules. */
  readonly compile: Compile | null;
}

/** Stops faults. */
export interface FaultBrake {
  readonly control: FaultControl;
  /** What is in force: the rules, or, while faults are stopped, the rules without them. */
  readonly rules: () => RuleSet;
}

export function faultBrake(
  { store, compile }: OpenRules,
  clock: Clock,
  tap: Tap,
  signal: AbortSignal,
): FaultBrake {
  if (store === null || compile === null) {
    const rules = () => noRules;
    return { control: new FaultControl({ harmless: null, rules, tap }), rules };
  }
  const all = () => store.rules();
  const harmless = new HarmlessRules({ rules: all, compile, empty: noRules, clock, tap, signal });
  return { control: new FaultControl({ harmless, rules: all, tap }), rules: () => harmless.rules() };
}

export interface ControlParts {
  readonly observed: Observed;
  readonly rules: OpenRules;
  readonly faults: FaultControl;
  readonly isDraining: () => boolean;
  readonly signal: AbortSignal;
}

export interface Control {
  readonly adminAddress: HostPort | null;
  readonly meshAddress: HostPort | null;
  /** Tells the others that we go; a few seconds. Never rejects. */
  leave(): Promise<void>;
  /** Ends all of it. Idempotent. */
  close(): Promise<void>;
}

/** Rejects with `bad_config`. */
export async function startControl(
  options: SidecarOptions,
  deps: SidecarDeps,
  parts: ControlParts,
): Promise<Control> {
  const { observed, rules, faults, signal } = parts;
  const app = await watchApp(options, deps.clock, () => observed.changes.tell(), signal);
  const mesh = await openMesh(options, deps, parts, app);
  try {
    const sources = adminSources(parts, mesh, app);
    const admin = options.admin
      ? await startAdmin(
          { ...sources, listen: options.admin, hosts: options.adminHosts ?? [], clock: deps.clock },
          signal,
        )
      : null;
    const release = () => {
      faults.release();
      observed.changes.tell();
    };
    if (mesh === null) release();
    else void mesh.informed.then(release);
    return {
      adminAddress: admin?.address ?? null,
      meshAddress: mesh?.member.address ?? null,
      async leave() {
        mesh?.member.changed(true);
        await mesh?.member.leave();
      },
      async close() {
        await Promise.all([admin?.close(), rules.followed?.close(), mesh?.member.close()]);
      },
    };
  } catch (thrown) {
    await mesh?.member.close();
    throw thrown;
  }
}

async function watchApp(
  { appHealth }: SidecarOptions,
  clock: Clock,
  changed: () => void,
  signal: AbortSignal,
): Promise<AppWatch | null> {
  if (!appHealth) return null;
  const { AppWatch } = await import("./control/health/app-watch.ts");
  const watch = new AppWatch(appHealth, clock, changed);
  void watch.keep(signal);
  return watch;
}

async function openMesh(
  options: SidecarOptions,
  deps: SidecarDeps,
  { observed, rules, faults, isDraining, signal }: ControlParts,
  app: AppWatch | null,
): Promise<SidecarMesh | null> {
  if (!options.mesh) return null;
  const { startSidecarMesh } = await import("./sidecar-mesh.ts");
  const mesh = await startSidecarMesh(
    options.mesh,
    {
      ...{ clock: deps.clock, random: deps.random, tap: observed.tap, isDraining, faults },
      ...{ store: rules.store, followed: rules.followed },
      version: options.version ?? "",
      appHealth: () => app?.health ?? null,
    },
    options.whenRulesAreBad === "refuse",
    signal,
  );
  observed.changes.listen(() => mesh.changed());
  return mesh;
}

function adminSources(parts: ControlParts, mesh: SidecarMesh | null, app: AppWatch | null): AdminSources {
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
      async say(halted, by) {
        faults.switch.say(halted, by);
        await faults.settle();
        return status();
      },
    },
    mesh: async (withFaultNames) =>
      mesh === null ? null : mesh.describe(await mesh.report(), withFaultNames),
  };
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
      const { askMock } = await import("./proxy/perform/ask-mock.ts");
      const headers = [
        ["content-type", "application/json"],
        ["accept", accept],
      ] as const;
      return askMock(rule, { method: "POST", path: "/graphql", headers, body }, signal);
    },
  };
}
