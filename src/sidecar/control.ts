// The control plane beside the traffic: what asks after the service, gossips, and answers on the admin port. None of it is on
// the path of a call.

import { startAdmin } from "../control/admin/server.ts";
import type { AppWatch } from "../control/health/app-watch.ts";
import type { HostPort } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { type AdminParts, adminSources } from "./admin-sources.ts";
import type { SidecarMesh } from "./mesh.ts";
import type { SidecarDeps, SidecarOptions } from "./options.ts";

/** What the control plane sees of the sidecar. */
export interface ControlParts extends AdminParts {
  /** Ends what watches in the background. */
  readonly signal: AbortSignal;
}

/** The running control plane; whoever started it closes it. */
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
  const { AppWatch } = await import("../control/health/app-watch.ts");
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
  const { startSidecarMesh } = await import("./mesh.ts");
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
