// The journal: the recent calls in memory, for people who ask "what just happened?". Bounded in entries and in the
// length of each text, because journals that grow are how mock servers run out of memory.

import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Direction } from "../../core/connection.ts";
import { grpcStatusName } from "../../core/grpc-status.ts";
import type { CallEvent, Flag, MessageCounts, OpaqueEvent, Outcome, Tap } from "../../core/tap.ts";

/** One finished call or opaque connection. */
export interface CallRecord {
  /** Counts up from 1 in this process. */
  readonly id: number;
  readonly kind: "call" | "opaque";
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly connectionId: string;
  readonly direction: Direction;
  readonly protocol: string;
  /** "" for opaque connections; so is `path`. */
  readonly method: string;
  /** What the request claimed; SNI for opaque TLS. */
  readonly authority: string;
  readonly path: string;
  /** `host:port`; null where nobody was named. */
  readonly upstream: string | null;
  /** 0 where no status was sent. */
  readonly status: number;
  /** How a gRPC call ended, by name; left out elsewhere. */
  readonly grpcStatus?: string;
  readonly rule: string | null;
  readonly outcome: Outcome;
  readonly flags: readonly Flag[];
  readonly detail: string;
  /** From the downstream, and to it. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of a WebSocket whose frames were understood. */
  readonly messages?: MessageCounts;
  /** Fields of which only the beginning was kept. */
  readonly cut: readonly string[];
}

/** All given conditions must hold. */
export interface JournalFilter {
  /** Newest entries to give; default 100. */
  readonly limit?: number;
  /** Name of a rule; "" for calls that no rule claimed. */
  readonly rule?: string;
  /** Authority with or without its port, or upstream with or without its port. */
  readonly host?: string;
  readonly outcome?: string;
  /** Only entries with a greater id: what is new since the last look. */
  readonly since?: number;
}

export interface Journal extends Tap {
  /** Newest first. */
  entries(filter?: JournalFilter): readonly CallRecord[];
}

const defaultLimit = 100;
/** Longest text of one field that is kept, in UTF-16 units. */
const maxTextLength = 1_024;
const noFlags: readonly Flag[] = [];

/** What the ring holds; the rest of a record is made when somebody reads it. */
type Entry = Omit<CallRecord, "upstream" | "cut" | "id" | "grpcStatus"> & {
  readonly upstream: HostPort | null;
  readonly grpcStatus?: number;
};

/** Keeps the last `capacity` calls; 0 keeps none. At most about 9 KiB each. */
export function createJournal(capacity: number): Journal {
  // Events are kept as they come and made records of when somebody asks: that is off the path of the calls.
  const ring: (CallEvent | OpaqueEvent)[] = [];
  let count = 0;
  return {
    observe(event) {
      if (capacity <= 0 || (event.kind !== "call" && event.kind !== "opaque")) return;
      ring[count++ % capacity] = event.kind === "call" && isLong(event) ? shortened(event) : event;
    },
    entries(filter = {}) {
      const limit = Math.max(0, filter.limit ?? defaultLimit);
      const passes = passing(filter);
      const found: CallRecord[] = [];
      for (let age = 1; age <= ring.length && found.length < limit; age++) {
        const event = ring[(count - age) % capacity];
        const id = count - age + 1;
        if (!event || id <= (filter.since ?? 0)) break;
        if (passes(event))
          found.push(recordOf(id, event.kind === "call" ? entryOfCall(event) : entryOfOpaque(event)));
      }
      return found;
    },
  };
}

function isLong({ method, authority, path, detail }: CallEvent): boolean {
  return method.length + authority.length + path.length + detail.length > maxTextLength;
}

/** Without the long texts, which would otherwise live as long as the entry. */
function shortened(event: CallEvent): CallEvent {
  return { ...entryOfCall(event), kind: "call", protocol: event.protocol };
}

function entryOfCall(event: CallEvent): Entry {
  return {
    kind: "call",
    startedAtMs: event.startedAtMs,
    durationMs: event.durationMs,
    connectionId: event.connectionId,
    direction: event.direction,
    protocol: event.protocol,
    method: kept(event.method),
    authority: kept(event.authority),
    path: kept(event.path),
    upstream: event.upstream,
    status: event.status,
    ...(typeof event.grpcStatus === "number" ? { grpcStatus: event.grpcStatus } : {}),
    rule: event.rule,
    outcome: event.outcome,
    flags: event.flags.length === 0 ? noFlags : [...event.flags],
    detail: kept(event.detail),
    requestBytes: event.requestBytes,
    responseBytes: event.responseBytes,
    ...(event.messages ? { messages: event.messages } : {}),
  };
}

function entryOfOpaque(event: OpaqueEvent): Entry {
  return {
    kind: "opaque",
    startedAtMs: event.startedAtMs,
    durationMs: event.durationMs,
    connectionId: event.connectionId,
    direction: event.direction,
    protocol: event.protocol,
    method: "",
    authority: kept(event.serverName),
    path: "",
    upstream: event.upstream,
    status: 0,
    rule: event.rule,
    outcome: event.outcome,
    flags: event.flags.length === 0 ? noFlags : [...event.flags],
    detail: kept(event.detail),
    requestBytes: event.upBytes,
    responseBytes: event.downBytes,
    ...(event.messages ? { messages: event.messages } : {}),
  };
}

/**
 * Texts that come from outside may be as long as the largest head; nobody reads them whole. One character more than
 * the bound tells that something was cut. A copy, since a slice would keep the whole text alive.
 */
function kept(text: string): string {
  if (text.length <= maxTextLength) return text;
  return Buffer.from(text.slice(0, maxTextLength + 1), "utf16le").toString("utf16le");
}

function recordOf(id: number, entry: Entry): CallRecord {
  const upstream = entry.upstream && formatHostPort(entry.upstream);
  const texts = { method: entry.method, authority: entry.authority, path: entry.path, detail: entry.detail };
  const cut = Object.entries(texts).filter(([, text]) => text.length > maxTextLength);
  const shortened = Object.fromEntries(cut.map(([key, text]) => [key, text.slice(0, maxTextLength)]));
  const durationMs = Math.round(entry.durationMs * 1000) / 1000;
  const { grpcStatus, ...plain } = entry;
  const ended = grpcStatus === undefined ? {} : { grpcStatus: grpcStatusName(grpcStatus) };
  return { id, ...plain, ...ended, upstream, durationMs, ...shortened, cut: cut.map(([key]) => key) };
}

/** Looks at the events themselves: to make a record of each of a million calls would take seconds. */
function passing({ rule, outcome, host }: JournalFilter): (event: CallEvent | OpaqueEvent) => boolean {
  const isHost = host === undefined ? null : hostTest(host.toLowerCase());
  return (event) => {
    if (rule !== undefined && (event.rule ?? "") !== rule) return false;
    if (outcome !== undefined && event.outcome !== outcome) return false;
    if (isHost === null) return true;
    const { upstream } = event;
    return (
      isHost(event.kind === "call" ? event.authority : event.serverName) ||
      (upstream !== null && isHost(formatHostPort(upstream)))
    );
  };
}

/** With or without a port; `wanted` in lower case. */
function hostTest(wanted: string): (place: string) => boolean {
  return (place) => {
    // A port and brackets are eight characters.
    if (place.length < wanted.length || place.length > wanted.length + 8) return false;
    const written = place.toLowerCase();
    return written === wanted || written.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1") === wanted;
  };
}
