// Every knob of the data plane, with its default. Frozen; a change is a new value.

import type { HostPort } from "./address.ts";

export interface Limits {
  /** Bytes of one request or response head; a larger one is refused (431). */
  readonly maxHeadBytes: number;
  /** Header fields of one message. */
  readonly maxHeaders: number;
  /** Downstream connections at once; further ones wait in the kernel's backlog. */
  readonly maxConnections: number;
  /** Bytes of a body that a rule may hold whole (body keys, JSON patches, templates). */
  readonly maxRuleBodyBytes: number;
}

export interface Deadlines {
  /** For the first bytes of a connection, before it is relayed opaque. */
  readonly detectMs: number;
  /** From the first byte of a request head to its last. */
  readonly headMs: number;
  /** Between two requests on one connection. */
  readonly idleMs: number;
  /** Without a byte of a request body that is not complete. */
  readonly bodyIdleMs: number;
  /** Without a byte of a request body that a rule waits for, before the call goes on as if no rule asked for it. */
  readonly ruleBodyMs: number;
  /** Without a byte in either direction on an opaque connection. */
  readonly opaqueIdleMs: number;
  /** Until the upstream has accepted a connection. */
  readonly connectMs: number;
  /**
   * Without a byte of the response, once the request is complete. Long, since long polls and event streams are silent
   * by design.
   */
  readonly responseMs: number;
  /** For open calls to finish after SIGTERM. */
  readonly drainMs: number;
  /** Longest silence of an abort by `hang`. */
  readonly hangMs: number;
}

export type ProtocolHint = "http/1" | "opaque";

export interface Settings {
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  /** By port of the original destination: detection is skipped. */
  readonly portHints: ReadonlyMap<number, ProtocolHint>;
  /** Hosts (original destination or authority) that are relayed without parsing. `host` or `host:port`. */
  readonly opaqueHosts: readonly string[];
  /** Calls kept in memory for `/journal`. */
  readonly journalCalls: number;
  /** Rules' names that get a metric label of their own; later ones share `other`. */
  readonly maxRuleLabels: number;
  /** Access-log lines a second above which lines are sampled. */
  readonly accessLogLinesPerSecond: number;
}

export const defaultSettings: Settings = Object.freeze({
  limits: Object.freeze({
    maxHeadBytes: 65_536,
    maxHeaders: 256,
    maxConnections: 50_000,
    maxRuleBodyBytes: 1_048_576,
  }),
  deadlines: Object.freeze({
    detectMs: 200,
    headMs: 30_000,
    idleMs: 3_600_000,
    bodyIdleMs: 300_000,
    ruleBodyMs: 2_000,
    opaqueIdleMs: 7_200_000,
    connectMs: 10_000,
    responseMs: 3_600_000,
    drainMs: 10_000,
    hangMs: 600_000,
  }),
  // Server-first protocols: waiting for the client's first byte would only delay the greeting.
  portHints: new Map<number, ProtocolHint>([
    [21, "opaque"],
    [22, "opaque"],
    [25, "opaque"],
    [110, "opaque"],
    [143, "opaque"],
    [587, "opaque"],
    [3306, "opaque"],
    [5432, "opaque"],
    [6379, "opaque"],
  ]),
  opaqueHosts: [],
  journalCalls: 1_000,
  maxRuleLabels: 200,
  accessLogLinesPerSecond: 200,
});

/** The addresses and sources of one process. */
export interface Place {
  readonly listen: HostPort;
  /** null: no admin port. */
  readonly admin: HostPort | null;
  /** File or folder; null: no rules. */
  readonly rules: string | null;
}
