// The protocol's times and factors, and the formulas over them. The same numbers as the peers' profiles: a pool of mixed
// members agrees on who is dead only when all of them wait equally long.

export interface SwimTiming {
  readonly probeIntervalMs: number;
  /** For the direct ack, before others are asked to ping. */
  readonly probeTimeoutMs: number;
  readonly gossipIntervalMs: number;
  /** Members that one round of gossip goes to. */
  readonly gossipNodes: number;
  /** Dead members are told the news for so long, then they are forgotten. */
  readonly gossipToTheDeadMs: number;
  readonly pushPullIntervalMs: number;
  readonly suspicionMult: number;
  readonly suspicionMaxMult: number;
  readonly retransmitMult: number;
  /** Members asked to ping where the direct ping stays unanswered. */
  readonly indirectChecks: number;
  readonly awarenessMax: number;
  readonly streamTimeoutMs: number;
  /** Content of one datagram, before its wrappers. */
  readonly packetBytes: number;
}

export const lanTiming: SwimTiming = Object.freeze({
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  retransmitMult: 4,
  indirectChecks: 3,
  awarenessMax: 8,
  streamTimeoutMs: 10_000,
  packetBytes: 1_400,
});

export const wanTiming: SwimTiming = Object.freeze({
  ...lanTiming,
  probeIntervalMs: 5_000,
  probeTimeoutMs: 3_000,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToTheDeadMs: 60_000,
  pushPullIntervalMs: 60_000,
  suspicionMult: 6,
  streamTimeoutMs: 30_000,
});

/** For one machine, where nothing is far. */
export const localTiming: SwimTiming = Object.freeze({
  ...lanTiming,
  probeTimeoutMs: 200,
  gossipIntervalMs: 100,
  gossipToTheDeadMs: 15_000,
  pushPullIntervalMs: 15_000,
  suspicionMult: 3,
  retransmitMult: 2,
  indirectChecks: 1,
  streamTimeoutMs: 1_000,
});

export interface SuspicionTimes {
  /** Confirmations after which the shortest time holds. */
  readonly wanted: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * `known`: members in the list, dead ones too, as the peers count. `live`: those that could confirm; counting dead ones
 * here, as the peers do, waits for confirmations that cannot come.
 */
export function suspicionTimes(timing: SwimTiming, known: number, live: number): SuspicionTimes {
  const scale = Math.max(1, Math.log10(Math.max(1, known)));
  const minMs = timing.suspicionMult * scale * timing.probeIntervalMs;
  const wished = timing.suspicionMult - 2;
  return { wanted: live - 2 < wished ? 0 : wished, minMs, maxMs: minMs * timing.suspicionMaxMult };
}

/** How long to suspect, from the start, after so many confirmations. */
export function suspicionTimeoutMs(times: SuspicionTimes, confirmations: number): number {
  if (times.wanted < 1) return times.minMs;
  const share = Math.log(confirmations + 1) / Math.log(times.wanted + 1);
  return Math.max(times.minMs, times.maxMs - share * (times.maxMs - times.minMs));
}

/** Times that one message is sent on before it is let go. */
export function retransmitLimit(timing: SwimTiming, members: number): number {
  return timing.retransmitMult * Math.ceil(Math.log10(members + 1));
}

/** A larger pool exchanges whole states more seldom. */
export function pushPullIntervalMs(timing: SwimTiming, members: number): number {
  if (members <= 32) return timing.pushPullIntervalMs;
  return timing.pushPullIntervalMs * (Math.ceil(Math.log2(members) - 5) + 1);
}
