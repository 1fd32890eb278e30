// What must be reached, checked against what was measured.

import type { ScenarioResult } from "./scenarios/scenario.ts";
import type { Figures } from "./slices.ts";

export interface GoalOutcome {
  readonly goal: string;
  readonly limit: number;
  readonly unit: string;
  /** null: not measured in this run. */
  readonly reached: number | null;
  readonly ok: boolean | null;
}

const ours = "understudy-1000";
const looking = "understudy-looking";

/** One row for each goal, in a fixed order. A goal holds when the figure is at or below its limit. */
export function judge(results: readonly ScenarioResult[]): readonly GoalOutcome[] {
  const cpu = (goal: string, limit: number, scenario: string, peer: string, against: string): GoalOutcome =>
    outcome(goal, limit, "×", cpuRatio(results, scenario, peer, against));
  const fact = (goal: string, limit: number, unit: string, scenario: string, peer: string, name: string) =>
    outcome(goal, limit, unit, factOf(results, scenario, peer, name));
  const added = rowOf(results, "latency", ours)?.addedP99Ms ?? null;
  return [
    cpu("kept-alive request, CPU against HAProxy", 1.05, "keep-alive", ours, "haproxy"),
    cpu("… with a head of 625 bytes", 1.05, "keep-alive-realistic", ours, "haproxy"),
    cpu(
      "kept-alive request, CPU against HAProxy with map and httplog",
      0.95,
      "keep-alive",
      ours,
      "haproxy-map",
    ),
    cpu("… with a head of 625 bytes", 0.95, "keep-alive-realistic", ours, "haproxy-map"),
    cpu("kept-alive request, CPU against http-proxy", 0.35, "keep-alive", ours, "http-proxy"),
    cpu("mocked request, CPU against a bare node:http handler", 0.85, "mock", ours, "bare-node"),
    cpu("bodies of 1 MB, CPU per MB against HAProxy mode tcp", 0.5, "bulk-1mb", ours, "haproxy-tcp"),
    cpu("bodies of 100 MB, CPU per MB against HAProxy mode tcp", 0.5, "bulk-100mb", ours, "haproxy-tcp"),
    outcome("memory with bodies of 100 MB against 1 MB, peak", 1.25, "×", bulkMemory(results)),
    cpu(
      "new connection per request, CPU against HAProxy mode tcp",
      1.8,
      "new-connection",
      ours,
      "haproxy-tcp",
    ),
    ...http2AndTlsGoals(cpu),
    cpu(
      "WebSocket message, no rule about messages, CPU against HAProxy",
      1.25,
      "websocket-1",
      ours,
      "haproxy",
    ),
    cpu("… a rule looks into every message", 1.35, "websocket-1", looking, "haproxy"),
    cpu("… with 16 messages outstanding", 1.7, "websocket-16", looking, "haproxy"),
    cpu("… with 16, CPU against a relay of two ws sockets", 0.125, "websocket-16", looking, "socket-relay"),
    fact(
      "decision among 100,000 rules against 10",
      1.5,
      "×",
      "decision",
      "understudy",
      "100,000 rules against 10",
    ),
    fact("decision among 100,000 rules", 1, "µs", "decision", "understudy", "among 100000 rules"),
    fact("memory at rest", 70, "MB", "memory", ours, "idle"),
    fact("accepting after its start", 250, "ms", "start", ours, "accepting after"),
    cpu(
      "GraphQL answered from a schema, CPU against graphql-http with the same resolvers",
      1.1,
      "graphql-mock",
      "understudy-graphql",
      "graphql-http",
    ),
    outcome(
      "… at 1,000 queries/s, p95",
      50,
      "ms",
      rowOf(results, "graphql-latency", "understudy-graphql")?.p95Ms ?? null,
    ),
    cpu(
      "GraphQL relayed past a rule on an operation, CPU against a plain relayed POST",
      2,
      "graphql-relay",
      "understudy-operation",
      "understudy-10",
    ),
    fact(
      "first call served after its start, 1,000 rules",
      250,
      "ms",
      "start",
      ours,
      "first call served after",
    ),
    fact("… with rules that it has read before", 250, "ms", "start", ours, "with rules read before"),
    outcome("added latency at p99, 2,000 requests/s", 0.5, "ms", added),
  ];
}

type CpuGoal = (goal: string, limit: number, scenario: string, peer: string, against: string) => GoalOutcome;

function http2AndTlsGoals(cpu: CpuGoal): readonly GoalOutcome[] {
  return [
    cpu("HTTP/2, 4 connections × 32 streams, CPU against HAProxy", 0.9, "h2-4x32", ours, "haproxy-h2"),
    cpu("HTTP/2, 32 connections × 1 stream, CPU against HAProxy", 1.25, "h2-32x1", ours, "haproxy-h2"),
    cpu("gRPC unary, 4 × 32, CPU against HAProxy", 0.9, "grpc-4x32", "understudy-grpc", "haproxy-h2"),
    cpu("gRPC unary, 32 × 1, CPU against HAProxy", 1.25, "grpc-32x1", "understudy-grpc", "haproxy-h2"),
    cpu(
      "gRPC unary, 4 × 32, CPU against nginx grpc_pass",
      0.35,
      "grpc-4x32",
      "understudy-grpc",
      "nginx-grpc",
    ),
    cpu("gRPC unary, 32 × 1, CPU against nginx grpc_pass", 0.8, "grpc-32x1", "understudy-grpc", "nginx-grpc"),
    cpu(
      "HTTP/2, one stream in ten mocked, CPU against pure relay",
      1.2,
      "h2-mixed",
      ours,
      "understudy-unclaimed",
    ),
    cpu(
      "HTTP/2 that no rule concerns, CPU against a relay that reads nothing",
      1.1,
      "h2-unconcerned",
      "understudy-elsewhere",
      "understudy-opaque",
    ),
    cpu(
      "HTTPS opened, kept-alive request, CPU against HAProxy",
      1.1,
      "tls-keep-alive",
      "understudy-tls",
      "haproxy-tls",
    ),
    cpu(
      "… a full handshake per request, CPU against HAProxy",
      3,
      "tls-handshake",
      "understudy-tls",
      "haproxy-tls",
    ),
  ];
}

function outcome(goal: string, limit: number, unit: string, reached: number | null): GoalOutcome {
  return { goal, limit, unit, reached, ok: reached === null ? null : reached <= limit };
}

/** Both were measured against the scenario's reference right before; the quotient compares them with each other. */
function cpuRatio(
  results: readonly ScenarioResult[],
  scenario: string,
  peer: string,
  against: string,
): number | null {
  const reference = results.find(({ name }) => name === scenario)?.reference;
  const ratioOf = (id: string): number | null =>
    id === reference ? 1 : (rowOf(results, scenario, id)?.ratio ?? null);
  const [own, theirs] = [ratioOf(peer), ratioOf(against)];
  return own === null || theirs === null || theirs === 0 ? null : own / theirs;
}

function bulkMemory(results: readonly ScenarioResult[]): number | null {
  const [small, large] = [rowOf(results, "bulk-1mb", ours), rowOf(results, "bulk-100mb", ours)];
  return small === null || large === null ? null : large.peakRssMb / small.peakRssMb;
}

function rowOf(results: readonly ScenarioResult[], scenario: string, peer: string): Figures | null {
  return results.find(({ name }) => name === scenario)?.rows.find((row) => row.peer === peer) ?? null;
}

function factOf(
  results: readonly ScenarioResult[],
  scenario: string,
  peer: string,
  name: string,
): number | null {
  const facts = results.find((result) => result.name === scenario)?.facts ?? [];
  return facts.find((fact) => fact.peer === peer && fact.name === name)?.value ?? null;
}
