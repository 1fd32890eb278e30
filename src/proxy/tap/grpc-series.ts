// Counts of gRPC calls by method and status. Methods come from outside, so their number is bounded.

import { grpcStatusName } from "../../core/grpc-status.ts";
import type { CallEvent } from "../../core/tap.ts";

export interface GrpcCount {
  /** `shop.v1.Inventory/Get`; `other` past the bound. */
  readonly method: string;
  readonly status: string;
  readonly value: number;
}

export interface GrpcSeries {
  /** Counts the call where it says how it ended. */
  add(event: CallEvent): void;
  counts(): readonly GrpcCount[];
}

const statuses = 17;
const maxNameLength = 200;

/** `maxMethods` names are kept apart, in the order in which they are first seen. */
export function createGrpcSeries(maxMethods: number): GrpcSeries {
  const byPath = new Map<string, Float64Array>();
  const others = new Float64Array(statuses);
  const seriesOf = (path: string): Float64Array => {
    const known = byPath.get(path);
    if (known) return known;
    if (byPath.size >= maxMethods || path.length > maxNameLength) return others;
    const made = new Float64Array(statuses);
    byPath.set(path, made);
    return made;
  };
  return {
    add({ grpcStatus, path }) {
      if (typeof grpcStatus !== "number") return;
      const code = Number.isInteger(grpcStatus) && grpcStatus >= 0 && grpcStatus < statuses ? grpcStatus : 2;
      const series = seriesOf(path);
      series[code] = (series[code] ?? 0) + 1;
    },
    counts: () =>
      [...byPath, ["/other", others] as const].flatMap(([path, series]) =>
        Array.from(series, (value, code) => ({
          method: path.replace(/^\//, "").replace(/\?.*$/, ""),
          status: grpcStatusName(code),
          value,
        })).filter(({ value }) => value > 0),
      ),
  };
}
