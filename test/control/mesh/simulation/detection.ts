// How long a mesh takes to know of a death: one member is killed, and every survivor's moment of knowing is taken.

import { Simulation } from "./simulated-mesh.ts";

export interface Detection {
  /** Milliseconds from the kill until the first, and the last, survivor knew; Infinity: not in time. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Members wrongly taken for dead. */
  readonly falseDeaths: number;
}

/** Of a death some time after the start. */
export function measureDetection(members: number, seed: number, skewMs = 50, withinMs = 60_000): Detection {
  const simulation = new Simulation({ members, seed, skewMs });
  const victim = Math.floor(simulation.random.next() * members);
  const known = new Map<number, number>();
  let falseDeaths = 0;
  const all = simulation.swimMembers((index) => ({
    gone: (member) => {
      if (member.name !== `m${victim}`) falseDeaths++;
      else if (index !== victim) known.set(index, simulation.clock.now());
    },
  }));
  simulation.clock.run(1_000 + simulation.random.next() * 2_000);
  all[victim]?.stop();
  const killedAt = simulation.clock.now();
  const everybody = simulation.clock.runUntil(() => known.size === members - 1, withinMs);
  for (const member of all) member.stop();
  const times = [...known.values()].map((at) => at - killedAt);
  return {
    firstMs: times.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...times),
    lastMs: everybody ? Math.max(...times) : Number.POSITIVE_INFINITY,
    falseDeaths,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
