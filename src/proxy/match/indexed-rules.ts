// The compiled rules of one revision, in an index for each question: calls, requests for tunnels, messages, connections that nobody
// parses, the names of TLS servers that are to be opened, the places to which calls could be claimed, where WebSockets are
// answered, and the names that are answered for.

import type { ConnectionFacts } from "../../core/connection.ts";
import type { Dialect } from "../../core/dialect.ts";
import type { RequestHead } from "../../core/exchange.ts";
import type { HeadVerdict, MessageRule, Roll, Rule, RuleSet } from "../../core/rule-set.ts";
import { buildIndex } from "./build-index.ts";
import { Call } from "./call.ts";
import type { Candidate, Entry } from "./candidate.ts";
import { Collect } from "./collect.ts";
import type { IndexNode } from "./index-node.ts";
import { headOfName, lookup, namedHosts } from "./named-hosts.ts";
import { placeCandidates } from "./place-candidates.ts";
import { Search } from "./search.ts";
import { headOfServer, secureCandidates } from "./secure-candidates.ts";
import { asksForTunnel, tunnelCandidates } from "./tunnel-candidates.ts";

interface IndexedParts {
  readonly revision: string;
  readonly rules: readonly Rule[];
  readonly calls: IndexNode | null;
  readonly tunnels: IndexNode | null;
  readonly sockets: IndexNode | null;
  readonly connections: IndexNode | null;
  readonly secured: IndexNode | null;
  readonly places: IndexNode | null;
  readonly answeringServers: IndexNode | null;
  readonly answeringPlaces: IndexNode | null;
  readonly answeringNames: IndexNode | null;
  readonly dialects: readonly Dialect[];
}

/** `candidates` in ascending order. Runs in steps, since there may be a hundred thousand. */
export function* indexRules(
  revision: string,
  rules: readonly Rule[],
  candidates: readonly Candidate[],
  dialects: readonly Dialect[],
): Generator<void, IndexedRules> {
  // A rule for 0 % of the calls is left out, so that it can make no call wait for its body either.
  const live = candidates.filter(({ rule }) => rule.spec.scope.percentage > 0);
  const claiming = live.filter(({ message }) => message === null);
  const calls = yield* indexOf(claiming);
  const tunnels = yield* indexOf(tunnelCandidates(claiming));
  const sockets = yield* indexOf(live.filter(({ message }) => message !== null));
  const connections = yield* indexOf(live.filter(({ rule }) => fitsConnections(rule)));
  const secured = yield* indexOf(secureCandidates(live.filter(({ rule }) => !fitsConnections(rule))));
  const places = yield* indexOf(placeCandidates(live));
  const answering = live.filter(answersWebSockets);
  const answeringServers = yield* indexOf(secureCandidates(answering));
  const answeringPlaces = yield* indexOf(placeCandidates(answering));
  const answeringNames = yield* indexOf(namedHosts(live));
  const answered = { answeringServers, answeringPlaces, answeringNames };
  return new IndexedRules({
    ...{ revision, rules, dialects },
    ...{ calls, tunnels, sockets, connections, secured, places, ...answered },
  });
}

export class IndexedRules implements RuleSet {
  readonly revision: string;
  readonly rules: readonly Rule[];
  readonly #calls: IndexNode | null;
  readonly #tunnels: IndexNode | null;
  readonly #sockets: IndexNode | null;
  readonly #connections: IndexNode | null;
  readonly #secured: IndexNode | null;
  readonly #places: IndexNode | null;
  readonly #answeringServers: IndexNode | null;
  readonly #answeringPlaces: IndexNode | null;
  readonly #answeringNames: IndexNode | null;
  /** Also for `explain`, which compiles the conditions again. */
  readonly dialects: readonly Dialect[];
  readonly #call = new Call();
  readonly #search = new Search(this.#call);

  /** Made by `indexRules`; the parts belong together. */
  constructor(parts: IndexedParts) {
    this.revision = parts.revision;
    this.rules = Object.freeze(parts.rules);
    this.#calls = parts.calls;
    this.#tunnels = parts.tunnels;
    this.#sockets = parts.sockets;
    this.#connections = parts.connections;
    this.#secured = parts.secured;
    this.#places = parts.places;
    this.#answeringServers = parts.answeringServers;
    this.#answeringPlaces = parts.answeringPlaces;
    this.#answeringNames = parts.answeringNames;
    this.dialects = parts.dialects;
    Object.freeze(this);
  }

  decide(head: RequestHead, connection: ConnectionFacts, roll: Roll): HeadVerdict {
    const index = asksForTunnel(head) ? this.#tunnels : this.#calls;
    if (index === null) return null;
    this.#call.reset(head, connection, roll);
    const found = this.#run(index, false);
    if (found === null) return null;
    return found.bodyKeys.length > 0 ? "need-body" : found.rule;
  }

  decideWithBody(
    head: RequestHead,
    connection: ConnectionFacts,
    body: Uint8Array | null,
    roll: Roll,
    lacks: ((what: Promise<unknown>) => void) | null = null,
  ): Rule | null {
    const index = asksForTunnel(head) ? this.#tunnels : this.#calls;
    if (index === null) return null;
    this.#call.reset(head, connection, roll, body);
    this.#call.lacks = lacks;
    const found = this.#run(index, true);
    this.#call.lacks = null;
    return found?.rule ?? null;
  }

  decideMessages(head: RequestHead, connection: ConnectionFacts, roll: Roll): readonly MessageRule[] {
    if (this.#sockets === null) return [];
    this.#call.reset(head, connection, roll);
    const collect = new Collect(this.#call);
    this.#sockets.visit(collect);
    this.#call.reset();
    return collect.all.flatMap(({ message }) => message ?? []);
  }

  /** The first dialect that claims the call says so; without one only the end of the body settles its keys. */
  bytesNeeded(head: RequestHead, payload: Uint8Array): number {
    const dialect = this.dialects.find(({ claims }) => claims(head));
    return dialect?.bytesNeeded(head, payload) ?? Number.POSITIVE_INFINITY;
  }

  decideConnection(connection: ConnectionFacts, roll: Roll): Rule | null {
    if (this.#connections === null) return null;
    this.#call.reset(undefined, connection, roll);
    return this.#run(this.#connections, false)?.rule ?? null;
  }

  concernsTls(serverName: string, connection: ConnectionFacts, roll: Roll): boolean {
    if (this.#secured === null) return false;
    this.#call.reset(headOfServer(serverName, connection), connection, roll);
    return this.#run(this.#secured, false) !== null;
  }

  concernsConnection(connection: ConnectionFacts, roll: Roll): boolean {
    if (this.#places === null) return false;
    this.#call.reset(undefined, connection, roll);
    return this.#run(this.#places, false) !== null;
  }

  answersWebSockets(serverName: string, connection: ConnectionFacts, roll: Roll): boolean {
    const index = serverName === "" ? this.#answeringPlaces : this.#answeringServers;
    if (index === null) return false;
    this.#call.reset(serverName === "" ? undefined : headOfServer(serverName, connection), connection, roll);
    return this.#run(index, false) !== null;
  }

  answersHost(host: string, roll: Roll): boolean {
    if (this.#answeringNames === null) return false;
    this.#call.reset(headOfName(host), lookup, roll);
    return this.#run(this.#answeringNames, false) !== null;
  }

  #run(index: IndexNode, withBody: boolean): Entry | null {
    this.#search.start(withBody);
    index.visit(this.#search);
    const { found } = this.#search;
    // What is held here would keep the last call's memory alive for as long as the rules live.
    this.#call.reset();
    this.#search.start(false);
    return found;
  }
}

function* indexOf(candidates: readonly Candidate[]): Generator<void, IndexNode | null> {
  return candidates.length === 0 ? null : yield* buildIndex(candidates);
}

/** A mock of any other call may answer a request for a WebSocket too, but nobody would make one for that. */
function answersWebSockets({ rule: { spec, terminal }, match, message }: Candidate): boolean {
  if (message !== null || terminal.kind !== "mock") return false;
  const kind = spec.respond?.kind;
  return kind === "websocket" || kind === "graphql" || match?.websocket !== undefined;
}

const severings: ReadonlySet<string> = new Set(["reset", "close", "hang"]);
const effectsOnBytes: ReadonlySet<string> = new Set([
  "delay",
  "throttle",
  "slice",
  "corrupt",
  "truncate",
  "deadline",
]);
const keysOfConnections: ReadonlySet<string> = new Set(["destination", "direction"]);

/** Whether a rule names nothing of HTTP, neither in what it selects nor in what it does. */
function fitsConnections({ spec, effects, terminal, messages }: Rule): boolean {
  const { scope, state, respond, patch, fault } = spec;
  const selects = spec.matches.every((match) =>
    Object.keys(match).every((key) => keysOfConnections.has(key)),
  );
  const everyone = scope.headers.length === 0 && scope.baggage.length === 0 && scope.decideBy.by !== "header";
  const speaksHttp =
    respond !== null ||
    patch !== null ||
    messages !== undefined ||
    terminal.kind === "mock" ||
    ((terminal.kind === "abort" || fault?.abort) && !severings.has(fault?.abort?.kind ?? "")) ||
    effects.some(({ kind }) => !effectsOnBytes.has(kind));
  return selects && everyone && (state?.key ?? null) === null && !speaksHttp;
}
