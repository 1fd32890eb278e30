// Deadlines of calls: `grpc-timeout` (PROTOCOL-HTTP2 "Timeout"), and `connect-timeout-ms`.

import type { RequestHead } from "../../../../core/exchange.ts";

const unitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};
/** The longest wait that a timer can be asked for. */
const longestMs = 0x7fff_ffff;

/** Milliseconds from the call's start; null: no deadline, or one that cannot be read. */
export function timeoutMsOf(head: RequestHead): number | null {
  const grpc = head.header("grpc-timeout");
  if (grpc !== undefined) {
    const [, amount, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(grpc) ?? [];
    return amount === undefined ? null : Math.min(Number(amount) * (unitsMs[unit] ?? 0), longestMs);
  }
  const connect = head.header("connect-timeout-ms");
  return connect !== undefined && /^\d{1,10}$/.test(connect) ? Math.min(Number(connect), longestMs) : null;
}
