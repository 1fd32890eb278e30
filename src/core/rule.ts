// A rule as data: what a user wrote, validated and with every shorthand spelled out. Times are milliseconds.
// The parser (control/rules) makes these; the index (proxy/match) and the planner (proxy/perform) read them.

import type { Direction } from "./connection.ts";
import type { HeaderList } from "./headers.ts";
import type { GraphqlMatch, GraphqlOverlaySpec, GraphqlReplySpec } from "./rule-graphql.ts";
import type {
  GrpcFaultSpec,
  GrpcMatchSpec,
  GrpcPatchSpec,
  GrpcRespondSpec,
  GrpcStatusSpec,
} from "./rule-grpc.ts";
import type { BodyMatch, DelaySpec, JsonPatchSpec, NamedMatch, PathMatch, TextMatch } from "./rule-values.ts";
import type {
  EventFaultSpec,
  EventStep,
  SocketFaultSpec,
  SocketPatchSpec,
  WebSocketMatch,
  WebSocketReplySpec,
} from "./rule-websocket.ts";

export type {
  BodyMatch,
  DelaySpec,
  JsonPatchOperation,
  JsonPatchSpec,
  JsonPathTest,
  NamedMatch,
  PathMatch,
  TextMatch,
} from "./rule-values.ts";

export interface RuleSpec {
  /** Unique in the set; letters, digits, `-` and `.`. */
  readonly name: string;
  /** Smaller is tried first; default 100; ties keep the order of writing. */
  readonly priority: number;
  /** OR across items; an empty list claims every call. */
  readonly matches: readonly MatchSpec[];
  readonly scope: ScopeSpec;
  readonly state: StateSpec | null;
  readonly respond: RespondSpec | null;
  readonly fault: FaultSpec | null;
  readonly patch: PatchSpec | null;
  /** Absolute paths of .proto files, folders of them, and descriptor sets; left out: none. */
  readonly descriptors?: readonly string[];
  /** Where it was written, for people: `rules.yaml:14`. */
  readonly origin: string;
}

/** AND across the keys that are present. */
export interface MatchSpec {
  /** Of the authority, without case; the port counts only where the matcher's text names one. */
  readonly host?: TextMatch;
  readonly destination?: DestinationMatch;
  readonly direction?: Direction;
  readonly method?: TextMatch;
  /** Of the path without its query. */
  readonly path?: PathMatch;
  readonly query?: readonly NamedMatch[];
  /** Names in lower case. */
  readonly headers?: readonly NamedMatch[];
  readonly cookies?: readonly NamedMatch[];
  readonly body?: BodyMatch;
  /** A CEL expression over `request` and `connection` that yields a bool. */
  readonly expr?: string;
  readonly graphql?: GraphqlMatch;
  readonly grpc?: GrpcMatchSpec;
  /** The request asks for a WebSocket. */
  readonly websocket?: WebSocketMatch;
}

/** `cidr`: `10.0.0.0/8`, or an address with the full length; null: any. `port` null: any. `hostname` for explicit proxies. */
export interface DestinationMatch {
  readonly cidr: string | null;
  readonly hostname: string | null;
  readonly port: number | null;
}

/** Who is touched. A call outside the scope goes on to the next rule. */
export interface ScopeSpec {
  /** 0 to 100; 0 means not one byte is disturbed. Default 100. */
  readonly percentage: number;
  readonly decideBy: DecideBy;
  /** Milliseconds since the Unix epoch from which on the rule is dead; null: never. A `ttl` has been turned into this. */
  readonly expiresAtMs: number | null;
  /** Of a `ttl` in force: when it is over on `Clock.now()`, too, since the time of day may be set back. Left out: no ttl. */
  readonly lapsesAtMs?: number;
  /** As written, for people and for a source that restarts it; null where none. */
  readonly ttlMs: number | null;
  /** Request headers that must match. */
  readonly headers: readonly NamedMatch[];
  /** W3C baggage entries that must be present with these values. */
  readonly baggage: readonly NamedMatch[];
  /** Calls under this rule at once; null: unbounded. */
  readonly maxActive: number | null;
}

export type DecideBy =
  | { readonly by: "request" | "connection" | "trace" }
  | { readonly by: "header"; readonly name: string };

/** A scenario per key: claims only while the state `is`, and moves it to `becomes` at the moment of claiming. */
export interface StateSpec {
  readonly name: string;
  /** What tells sessions apart; null: one state for all. */
  readonly key: { readonly from: "header" | "cookie" | "query" | "baggage"; readonly name: string } | null;
  /** Required value; null: any. `initial` is the value before the first change. */
  readonly is: string | null;
  /** New value; null: unchanged. */
  readonly becomes: string | null;
}

/** A reply of HTTP; each dialect adds its own kind. */
export type RespondSpec = HttpRespondSpec | GraphqlReplySpec | GrpcRespondSpec | WebSocketReplySpec;

export type HttpRespondSpec =
  | { readonly kind: "reply"; readonly reply: ReplySpec }
  /** In turn, one a call, starting again after the last. */
  | { readonly kind: "cycle"; readonly replies: readonly ReplySpec[] }
  /** By weight. */
  | {
      readonly kind: "random";
      readonly choices: readonly { readonly weight: number; readonly reply: ReplySpec }[];
    };

export interface ReplySpec {
  readonly status: number;
  /** "" lets the lane choose the usual phrase. */
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: ReplyBodySpec;
  /** Header values and body are Handlebars templates over `request`. */
  readonly template: boolean;
  readonly trailers: HeaderList;
  readonly delay: DelaySpec | null;
}

export type ReplyBodySpec =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "base64"; readonly bytes: Uint8Array }
  /** Absolute path; read when the rules are loaded. */
  | { readonly kind: "file"; readonly path: string }
  /** An event stream. */
  | { readonly kind: "events"; readonly steps: readonly EventStep[] };

/** All present parts apply, in this order: delay, then throttle, slice, corrupt, truncate on the bytes; abort ends the call. */
export interface FaultSpec {
  readonly delay: DelaySpec | null;
  readonly abort: AbortSpec | null;
  readonly throttle: {
    readonly upBytesPerSecond: number | null;
    readonly downBytesPerSecond: number | null;
  } | null;
  /** Response body in pieces of `bytes`, `delayMs` apart. */
  readonly slice: { readonly bytes: number; readonly delayMs: number } | null;
  /** Response body cut after so many bytes, then the connection is severed. */
  readonly truncate: { readonly afterBytes: number } | null;
  /** Each response byte is changed with this probability (0 to 1). */
  readonly corrupt: { readonly probability: number; readonly seed: number | null } | null;
  readonly websocket?: SocketFaultSpec;
  readonly events?: EventFaultSpec;
  readonly grpc?: GrpcFaultSpec;
}

/** Each dialect adds its own kind. */
export type AbortSpec = HttpAbortSpec | ({ readonly kind: "grpcStatus" } & GrpcStatusSpec);

export type HttpAbortSpec =
  | { readonly kind: "httpStatus"; readonly status: number }
  /** RST; FIN without a reply; silence until the client leaves. */
  | { readonly kind: "reset" | "close" | "hang" }
  /** Over HTTP/1: the connection is reset. */
  | { readonly kind: "resetStream" | "goAway"; readonly code: number };

export interface PatchSpec {
  readonly request: MessagePatch | null;
  readonly response: (MessagePatch & { readonly status: number | null }) | null;
  readonly graphql?: GraphqlOverlaySpec;
  readonly websocket?: SocketPatchSpec;
  readonly grpc?: GrpcPatchSpec;
}

export interface MessagePatch {
  readonly setHeaders: HeaderList;
  readonly removeHeaders: readonly string[];
  readonly json: JsonPatchSpec | null;
  /** New body; null: unchanged. */
  readonly body: string | null;
}
