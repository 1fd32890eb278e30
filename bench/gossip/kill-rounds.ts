// One member after another of a pool is killed, and the moments are taken at which the first and the last survivor knows.

export interface Pool {
  readonly size: number;
  /** Told whenever member `who` says that the one of that name has failed. */
  onFailed(hears: (who: number, name: string) => void): void;
  nameOf(index: number): string;
  kill(index: number): void;
  close(): Promise<void>;
}

export interface Known {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Real time that a round may take. */
const mostMs = 60_000;

/** Kills the member of that index. Rejects where somebody does not know within a minute. */
export async function killOne(pool: Pool, index: number): Promise<Known> {
  const times = new Map<number, number>();
  const all = Promise.withResolvers<void>();
  const timer = setTimeout(() => all.reject(new Error(`only ${times.size} knew in time`)), mostMs);
  const beganAt = performance.now();
  pool.onFailed((who, name) => {
    if (name !== pool.nameOf(index) || who === index) return;
    times.set(who, performance.now() - beganAt);
    if (times.size === pool.size - 1) all.resolve();
  });
  pool.kill(index);
  try {
    await all.promise;
  } finally {
    clearTimeout(timer);
  }
  return { firstMs: Math.min(...times.values()), lastMs: Math.max(...times.values()) };
}
