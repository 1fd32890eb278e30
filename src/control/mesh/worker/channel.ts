// What passes between the proxy's thread and the one in which the mesh runs. Everything is a value that can be cloned.

import type { HostPort } from "../../../core/address.ts";
import type { JoinResult, KeyAnswer, KeyOperation, MeshCounters, MeshEvent, MeshMember } from "../mesh.ts";
import type { SwimTiming } from "../swim/timing.ts";

/** How the worker is to set up its member. */
export interface WorkerSetup {
  readonly bind: HostPort;
  readonly advertise?: HostPort;
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly keys: readonly Uint8Array[];
  readonly label: string;
  readonly timing: SwimTiming;
  /** Whether a mesh without keys may be reached from other machines. */
  readonly openWithoutKeys: boolean;
}

/** What the worker is asked to do, and what each request resolves to. */
export interface Requests {
  join: { readonly args: { readonly addresses: readonly HostPort[] }; readonly result: JoinResult };
  members: { readonly args: Record<never, never>; readonly result: readonly MeshMember[] };
  state: { readonly args: Record<never, never>; readonly result: MeshState };
  "set-tags": { readonly args: { readonly tags: ReadonlyMap<string, string> }; readonly result: null };
  broadcast: {
    readonly args: { readonly name: string; readonly payload: Uint8Array };
    readonly result: null;
  };
  query: {
    readonly args: {
      readonly name: string;
      readonly payload: Uint8Array;
      readonly timeoutMs: number;
      /** Left out: everybody. */
      readonly members?: readonly string[];
    };
    readonly result: readonly { readonly from: string; readonly payload: Uint8Array }[];
  };
  fetch: {
    readonly args: {
      readonly member: string;
      readonly name: string;
      readonly payload: Uint8Array;
      readonly timeoutMs: number;
    };
    readonly result: Uint8Array | null;
  };
  keys: {
    readonly args: {
      readonly operation: KeyOperation;
      readonly key: Uint8Array | null;
      readonly timeoutMs: number;
    };
    readonly result: readonly KeyAnswer[];
  };
  leave: { readonly args: Record<never, never>; readonly result: null };
  close: { readonly args: Record<never, never>; readonly result: null };
}
export type RequestName = keyof Requests;

export interface MeshState {
  readonly counters: MeshCounters;
  readonly awareness: number;
  /** A member of the pool has asked after us: we were taken in. */
  readonly confirmed: boolean;
  /** Events that the proxy's thread was too slow to take. */
  readonly lostEvents: number;
  /** Questions of others that it was too slow to answer. */
  readonly lostQuestions: number;
}

/** Another member asks something that the proxy's thread answers. */
export interface Question {
  /** `query`: by datagrams, a small answer. `fetch`: over a stream, up to 8 MiB. */
  readonly by: "query" | "fetch";
  readonly name: string;
  readonly payload: Uint8Array;
  readonly from: string;
}

export type ToWorker =
  | { readonly kind: "request"; readonly id: number; readonly name: RequestName; readonly args: object }
  /** So many events were taken: as many more may be sent. */
  | { readonly kind: "credit"; readonly events: number }
  /** To a question; null: there is no answer. */
  | { readonly kind: "answer"; readonly id: number; readonly payload: Uint8Array | null };

export type FromWorker =
  | { readonly kind: "ready"; readonly address: HostPort }
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "event"; readonly event: MeshEvent }
  | { readonly kind: "question"; readonly id: number; readonly question: Question }
  | { readonly kind: "done"; readonly id: number; readonly result: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly code: string; readonly message: string };

/** Events under way to a thread that has not taken them: beyond, they are counted and dropped. */
export const maxEventsUnderWay = 1_024;
/** Requests that wait for their answers. */
export const maxRequests = 256;
/** Questions of others that wait for the proxy's thread; further ones get no answer. */
export const maxQuestions = 64;
/** For so long the proxy's thread may think about one: whoever asked has given up then. */
export const questionMs = 10_000;
