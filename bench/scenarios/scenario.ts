// A named question to the peers, and the figures that answer it.

import type { BenchOptions } from "../options.ts";
import type { Peer } from "../peers/peer.ts";
import type { Server } from "../processes.ts";
import type { Figures } from "../slices.ts";

export interface Surroundings {
  readonly options: BenchOptions;
  readonly upstream: Server;
  /** The program of ours as a package holds it; null when it could not be built. */
  readonly program: string | null;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
  /** A fresh folder that is removed at the end. */
  folder(): string;
}

/** A figure that is no comparison under load: a memory size, a start time. */
export interface Fact {
  readonly peer: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** What CPU time is counted per. */
  readonly unit: "request" | "MB" | "message";
  /** The peer that ratios refer to; "" where there are none. */
  readonly reference: string;
  readonly rows: readonly Figures[];
  readonly facts: readonly Fact[];
  /** Length of its slices; left out: as long as was asked for. */
  readonly seconds?: number;
  /** Who was left out, and why. */
  readonly leftOut: readonly { readonly peer: string; readonly why: string }[];
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  run(surroundings: Surroundings): Promise<ScenarioResult>;
}

export interface StartedPeers {
  readonly servers: readonly Server[];
  readonly leftOut: ScenarioResult["leftOut"];
}

/** Starts the peers that are here; one that is missing, or does not start, is left out by name. */
export async function startPeers(peers: readonly Peer[], surroundings: Surroundings): Promise<StartedPeers> {
  const servers: Server[] = [];
  const leftOut: { peer: string; why: string }[] = [];
  for (const peer of peers) {
    surroundings.signal.throwIfAborted();
    const missing = peer.missing();
    if (missing !== null) {
      leftOut.push({ peer: peer.id, why: `${missing} is not here` });
      continue;
    }
    try {
      const { program, upstream } = surroundings;
      const context = { upstreamPort: upstream.port, folder: surroundings.folder(), program };
      servers.push(await peer.start(context));
    } catch (problem) {
      leftOut.push({ peer: peer.id, why: problem instanceof Error ? problem.message : String(problem) });
    }
  }
  for (const { peer, why } of leftOut) surroundings.progress(`left out: ${peer}: ${why}`);
  return { servers, leftOut };
}

export async function stopPeers(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
