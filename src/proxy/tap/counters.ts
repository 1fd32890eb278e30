// What the metrics are made of: plain numbers that grow with each event. Below 0.2 µs an event, no allocation.

import type { Clock } from "../../core/clock.ts";
import type { CallEvent, Flag, MessageCounts, OpaqueEvent, Tap, TapEvent } from "../../core/tap.ts";
import { type CallSeries, createCallSeries } from "./call-series.ts";
import { createGraphqlSeries, type GraphqlSeries } from "./graphql-series.ts";
import { createGrpcSeries, type GrpcSeries } from "./grpc-series.ts";
import { createTally, type Tally } from "./tally.ts";

export interface RulesInForce {
  readonly revision: string;
  readonly loaded: number;
  /** Since the Unix epoch. */
  readonly appliedAtSeconds: number;
}

/** Counted since the process began. */
export interface Counters extends Tap {
  readonly calls: CallSeries;
  readonly graphql: GraphqlSeries;
  readonly grpc: GrpcSeries;
  /** Key: direction, protocol and outcome, parted by spaces. */
  readonly opaque: Tally;
  readonly flags: Tally<Flag>;
  readonly troubles: Tally;
  /** Messages of finished WebSockets whose frames were understood, by where they went. */
  readonly messages: Tally;
  /** Messages that a rule touched or sent, by rule. */
  readonly touched: Tally;
  /** By direction. */
  readonly opened: Tally;
  readonly closed: Tally;
  /** Bytes that came from the downstream, and that went to it. */
  readonly bytes: { readonly toUpstream: number; readonly toDownstream: number };
  readonly detectionTimeouts: number;
  readonly reloadErrors: number;
  /** Stores of rules: whether each answers, and how often it was lost. */
  readonly sources: ReadonlyMap<string, boolean>;
  readonly sourceLosses: Tally;
  /** null: none were applied yet. */
  readonly rules: RulesInForce | null;
  /** Faults may not happen at present. */
  readonly faultsStopped: boolean;
}

/** Names that a tally keeps apart. All of them are written in our sources, so the bound is a safety net. */
const maxNames = 64;
/** gRPC methods with series of their own. */
const maxMethods = 200;

/** `maxRuleLabels`: rules with series of their own; later ones share `other`. */
export function createCounters(maxRuleLabels: number, clock: Pick<Clock, "wall">): Counters {
  const calls = createCallSeries(maxRuleLabels);
  const graphql = createGraphqlSeries();
  const grpc = createGrpcSeries(maxMethods);
  const [flags, troubles, opaque] = [
    createTally<Flag>(maxNames),
    createTally(maxNames),
    createTally(maxNames),
  ];
  const [messages, touched] = [createTally(2), createTally(maxRuleLabels)];
  const [opened, closed] = [createTally(2), createTally(2)];
  const bytes = { toUpstream: 0, toDownstream: 0 };
  let detectionTimeouts = 0;
  let reloadErrors = 0;
  let stopped = false;
  // As many as there are stores in the configuration.
  const sources = new Map<string, boolean>();
  const sourceLosses = createTally(maxNames);
  let rules: RulesInForce | null = null;

  function observeCall(event: CallEvent): void {
    calls.add(event);
    grpc.add(event);
    bytes.toUpstream += event.requestBytes;
    bytes.toDownstream += event.responseBytes;
    for (const flag of event.flags) flags.add(flag);
    if (event.messages) countMessages(event.messages);
  }
  function countMessages({ toUpstream, toDownstream }: MessageCounts): void {
    messages.add("to_upstream", toUpstream);
    messages.add("to_downstream", toDownstream);
  }
  function observeOpaque(event: OpaqueEvent): void {
    opaque.add(`${event.direction} ${event.protocol} ${event.outcome}`);
    bytes.toUpstream += event.upBytes;
    bytes.toDownstream += event.downBytes;
    if (event.messages) countMessages(event.messages);
    for (const flag of event.flags) flags.add(flag);
  }
  function observe(event: TapEvent): void {
    switch (event.kind) {
      case "call":
        observeCall(event);
        break;
      case "opaque":
        observeOpaque(event);
        break;
      case "message-touched":
        touched.add(event.rule);
        break;
      case "connection-opened":
        opened.add(event.connection.direction);
        break;
      case "connection-closed":
        closed.add(event.connection.direction);
        break;
      case "detection-timeout":
        detectionTimeouts++;
        break;
      case "rules-applied":
        rules = { revision: event.revision, loaded: event.rules, appliedAtSeconds: clock.wall() / 1000 };
        break;
      case "rules-rejected":
        reloadErrors++;
        break;
      case "rule-source":
        sources.set(event.source, event.connected);
        if (!event.connected) sourceLosses.add(event.source);
        break;
      case "faults-stopped":
        stopped = event.stopped;
        break;
      case "trouble":
        troubles.add(event.area);
        break;
      case "graphql":
        graphql.add(event);
        break;
      default:
        event satisfies never;
    }
  }

  return {
    observe,
    ...{ calls, graphql, grpc, opaque, flags, troubles, opened, closed, bytes, messages, touched },
    ...{ sources, sourceLosses },
    get detectionTimeouts() {
      return detectionTimeouts;
    },
    get faultsStopped() {
      return stopped;
    },
    get reloadErrors() {
      return reloadErrors;
    },
    get rules() {
      return rules;
    },
  };
}
