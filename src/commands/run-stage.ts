// What the two ways of running a command have in common: the job, and a sidecar with the command beside it.

import type { Config } from "../control/config/load.ts";
import type { HostPort } from "../core/address.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/random.ts";
import type { Cover } from "../proxy/accept/namespace/messages.ts";
import type { Ending } from "../proxy/accept/namespace/namespace.ts";
import type { Publication } from "../proxy/accept/namespace/publish.ts";
import type { SidecarOptions, TlsOptions } from "../sidecar/options.ts";
import { type Sidecar, startSidecar } from "../sidecar/sidecar.ts";
import type { Shell } from "./command.ts";
import type { Observers } from "./observers.ts";
import { ruleReaderFor } from "./rule-reader.ts";
import { storeOptionsOf } from "./store-setup.ts";
import { createTidyTap } from "./tidy-memory.ts";
import { upstreamTrustOf } from "./tls-setup.ts";
import { namedRoots } from "./trust-bundles.ts";
import { programVersion } from "./version.ts";
import { wayOutOptions } from "./way-out.ts";

export interface Job {
  readonly config: Config;
  readonly command: readonly string[];
  readonly publications: readonly Publication[];
  /** null: the host's. */
  readonly nameservers: readonly HostPort[] | null;
  readonly shell: Shell;
  readonly observers: Observers;
  /** How TLS is opened; undefined: it never is. */
  readonly tls: TlsOptions | undefined;
  /** What the command sees in place of the system's files, where it has a view of its own. */
  readonly covers: readonly Cover[];
}

/** Everything stands; the command may begin. */
export interface Stage {
  /** Runs the command to its end. Once. */
  execute(): Promise<Ending>;
  /** Passes on a signal that we received. */
  signal(signal: NodeJS.Signals): void;
  /** Hosts that the command looked up in vain, as far as that is seen. */
  unresolved(): readonly string[];
  /** Lets what the command sent leave, then ends everything. */
  close(): Promise<void>;
}

/** The command is gone, so open calls have nobody to answer; what it sent last may still be on its way. */
const patienceMs = 1_000;

export async function startSidecarFor(
  job: Job,
  listeners: SidecarOptions["listeners"],
  way: Pick<SidecarOptions, "connectInside" | "wayOut"> = {},
): Promise<Sidecar> {
  const { config, observers, shell, tls } = job;
  const trust = async () => {
    const own = await upstreamTrustOf(config.tls, shell);
    return { ...own, extraRoots: [...own.extraRoots, ...(await namedRoots(shell.env))] };
  };
  return startSidecar(
    {
      settings: config.settings,
      listeners,
      admin: config.admin,
      adminHosts: config.adminHosts,
      rules: config.rules,
      store: storeOptionsOf(config, job.shell),
      ...(await ruleReaderFor(config.rules, job.shell)),
      whenRulesAreBad: "refuse",
      taps: [...observers.taps, createTidyTap(systemClock, config.rules !== null)],
      version: programVersion(),
      ...(tls ? { tls } : {}),
      ...way,
      ...(await wayOutOptions(way.wayOut ?? null, tls, trust)),
    },
    { clock: systemClock, random: systemRandom, ...observers.debugging },
  );
}

export async function endSidecar(sidecar: Sidecar): Promise<void> {
  const enough = new AbortController();
  await Promise.race([sidecar.drain(), sleep(systemClock, patienceMs, enough.signal).catch(() => undefined)]);
  enough.abort();
  await sidecar.close();
}
