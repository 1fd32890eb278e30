// What a generator reports of one slice, whichever program it is.

import type { RequestShape } from "../requests.ts";

export interface Load {
  /** Completed requests, or MB of 10^6 bytes for bulk. */
  readonly units: number;
  readonly seconds: number;
  readonly errors: number;
  /** Latency; null where the generator does not know it. */
  readonly p50Ms: number | null;
  /** Left out: as null. */
  readonly p95Ms?: number | null;
  readonly p99Ms: number | null;
}

/** Drives a server on a port of the loopback interface for a while. */
export type Generator = (port: number, request: RequestShape, seconds: number) => Promise<Load>;
