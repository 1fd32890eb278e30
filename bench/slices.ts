// Measures peers against each other in interleaved slices: reference, A, reference, B, … and again. The machine's
// speed drifts and others use it too; a ratio to the slice run right before holds where an absolute figure does not.

import type { Generator, Load } from "./generators/load.ts";
import { machineBusyMs, ownBusyMs, residentBytes, runTimeNs } from "./machine.ts";
import type { Server } from "./processes.ts";
import type { RequestShape } from "./requests.ts";

/** Cores' worth of work by others above which a slice is repeated. */
const foreignLimit = 0.15;
const attempts = 4;

/** A peer is warm after so many steps in a row that made a unit no cheaper by this share; at the latest after all of them. */
const idleWarmSteps = 3;
const gain = 0.02;
const warmStepSeconds = 2;
const maxWarmSteps = 15;

export interface Slice {
  readonly load: Load;
  /** Of the proxy, per unit of the load. */
  readonly cpuUs: number;
  /** Cores that others used meanwhile. */
  readonly foreign: number;
}

/** Medians over the rounds. */
export interface Figures {
  readonly peer: string;
  readonly cpuUs: number;
  /** CPU against the reference's slice right before; null for the reference and for `direct`. */
  readonly ratio: number | null;
  readonly perSecond: number;
  readonly p50Ms: number | null;
  /** Left out: as null. */
  readonly p95Ms?: number | null;
  readonly p99Ms: number | null;
  /** Median over the rounds of p99 minus the reference's p99 right before. */
  readonly addedP99Ms: number | null;
  readonly rssMb: number;
  readonly peakRssMb: number;
  readonly errors: number;
  /** Slices that stayed disturbed after all attempts. */
  readonly disturbed: number;
  readonly slices: number;
}

export interface Measurement {
  readonly generator: Generator;
  /** What warms a peer up before; left out: the generator. */
  readonly warmer?: Generator;
  readonly request: RequestShape;
  readonly rounds: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

export interface Comparison {
  /** The first is the reference's. */
  readonly rows: readonly Figures[];
  /** Who failed while it was measured, and how. */
  readonly failed: readonly { readonly peer: string; readonly why: string }[];
}

/** Every peer in `others` against `reference`, all running. A peer that fails is dropped; throws when the reference does. */
export async function compare(
  reference: Server,
  others: readonly Server[],
  plan: Measurement,
): Promise<Comparison> {
  await warmUp(reference, plan);
  const failed: { peer: string; why: string }[] = [];
  const unlessItFails = async (server: Server, measure: () => Promise<void>): Promise<void> => {
    if (failed.some(({ peer }) => peer === server.name)) return;
    try {
      await measure();
    } catch (problem) {
      plan.signal.throwIfAborted();
      if (reference.lastWords() !== null) throw problem;
      const why = server.lastWords() ?? (problem instanceof Error ? problem.message : String(problem));
      plan.progress(`${server.name} failed: ${why}`);
      failed.push({ peer: server.name, why });
    }
  };
  for (const server of others) await unlessItFails(server, () => warmUp(server, plan));
  const references: Slice[] = [];
  const rounds = new Map<Server, Pair[]>(others.map((server) => [server, []]));
  for (let round = 1; round <= plan.rounds; round++)
    for (const server of others)
      await unlessItFails(server, async () => {
        const before = await quietSlice(reference, plan);
        const own = await quietSlice(server, plan);
        references.push(before);
        rounds.get(server)?.push({ own, before });
        const told = `${own.cpuUs.toFixed(1)} µs (reference ${before.cpuUs.toFixed(1)})`;
        plan.progress(`round ${round}/${plan.rounds} ${server.name}: ${told}`);
      });
  const head = figures(
    reference,
    references.map((own) => ({ own, before: null })),
  );
  const lasting = others.filter(({ name }) => failed.every(({ peer }) => peer !== name));
  return { rows: [head, ...lasting.map((server) => figures(server, rounds.get(server) ?? []))], failed };
}

interface Pair {
  readonly own: Slice;
  /** The reference's slice right before; null for the reference itself. */
  readonly before: Slice | null;
}

/**
 * Until a unit costs no less than before: a compiler that watches what runs is at work for a while, and
 * what is compared is what lasts. The same for all.
 */
async function warmUp(server: Server, plan: Measurement): Promise<void> {
  plan.progress(`warming up ${server.name}`);
  const generate = plan.warmer ?? plan.generator;
  let best = Number.POSITIVE_INFINITY;
  let idle = 0;
  for (let step = 0; step < maxWarmSteps && idle < idleWarmSteps; step++) {
    plan.signal.throwIfAborted();
    const before = runTimeNs(server.pid);
    const { units } = await generate(server.port, plan.request, warmStepSeconds);
    const cost = (runTimeNs(server.pid) - before) / units;
    idle = cost < best * (1 - gain) ? 0 : idle + 1;
    best = Math.min(best, cost);
  }
}

async function quietSlice(server: Server, plan: Measurement): Promise<Slice> {
  let best = await slice(server, plan);
  for (let attempt = 1; attempt < attempts && best.foreign > foreignLimit; attempt++) {
    plan.signal.throwIfAborted();
    plan.progress(`${server.name}: others used ${best.foreign.toFixed(2)} cores, again`);
    const next = await slice(server, plan);
    if (next.foreign < best.foreign) best = next;
  }
  return best;
}

async function slice(server: Server, plan: Measurement): Promise<Slice> {
  const before = {
    proxyNs: runTimeNs(server.pid),
    busyMs: machineBusyMs(),
    ownMs: ownBusyMs(),
    at: performance.now(),
  };
  const load = await plan.generator(server.port, plan.request, plan.seconds);
  const words = server.lastWords();
  if (words !== null) throw new Error(words);
  if (load.units === 0) throw new Error(`not one request was answered, ${load.errors} errors`);
  const proxyNs = runTimeNs(server.pid) - before.proxyNs;
  const elapsedMs = performance.now() - before.at;
  const foreignMs = machineBusyMs() - before.busyMs - (ownBusyMs() - before.ownMs);
  return {
    load,
    cpuUs: proxyNs / 1000 / load.units,
    foreign: Math.max(0, foreignMs / elapsedMs),
  };
}

function figures(server: Server, slices: readonly Pair[]): Figures {
  const memory = server.pid === 0 ? { now: 0, peak: 0 } : residentBytes(server.pid);
  const present = (values: readonly (number | null)[]): readonly number[] =>
    values.filter((value) => value !== null);
  const medianOrNull = (values: readonly (number | null)[]): number | null =>
    present(values).length === 0 ? null : median(present(values));
  return {
    peer: server.name,
    cpuUs: median(slices.map(({ own }) => own.cpuUs)),
    ratio: medianOrNull(
      slices.map(({ own, before }) =>
        before === null || before.cpuUs === 0 || own.cpuUs === 0 ? null : own.cpuUs / before.cpuUs,
      ),
    ),
    perSecond: median(slices.map(({ own }) => own.load.units / own.load.seconds)),
    p50Ms: medianOrNull(slices.map(({ own }) => own.load.p50Ms)),
    p95Ms: medianOrNull(slices.map(({ own }) => own.load.p95Ms ?? null)),
    p99Ms: medianOrNull(slices.map(({ own }) => own.load.p99Ms)),
    addedP99Ms: medianOrNull(
      slices.map(({ own, before }) =>
        before === null || own.load.p99Ms === null || before.load.p99Ms === null
          ? null
          : own.load.p99Ms - before.load.p99Ms,
      ),
    ),
    rssMb: memory.now / 1e6,
    peakRssMb: memory.peak / 1e6,
    errors: slices.reduce((sum, { own }) => sum + own.load.errors, 0),
    disturbed: slices.filter(({ own }) => own.foreign > foreignLimit).length,
    slices: slices.length,
  };
}

/** Of an unsorted list; 0 of an empty one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
