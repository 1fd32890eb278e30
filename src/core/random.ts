// Chance as a dependency: real, or seeded so that a run repeats exactly. Also the hash behind sticky verdicts.

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform unsigned 32-bit integer. */
  uint32(): number;
}

/** Chance from the engine's generator. */
export const systemRandom: Random = {
  next: () => Math.random(),
  uint32: () => (Math.random() * 0x1_0000_0000) >>> 0,
};

/** A repeatable generator (mulberry32) for tests and for rules that carry a seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { uint32, next: () => uint32() / 0x1_0000_0000 };
}

/** 32-bit FNV-1a over UTF-16 units with a final avalanche: the same text gives the same number in every sidecar. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix32(hash);
}

/** Avalanche of a 32-bit integer (murmur3 finaliser): neighbouring inputs give unrelated outputs. */
export function mix32(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
