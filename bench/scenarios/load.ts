// The scenarios under load: what a request costs, peer by peer against one reference.

import { autocannon } from "../generators/autocannon.ts";
import { bulk } from "../generators/bulk.ts";
import { fixedRate } from "../generators/fixed-rate.ts";
import type { Generator } from "../generators/load.ts";
import { wrk } from "../generators/wrk.ts";
import { direct } from "../peers/direct.ts";
import { haproxyHttp, haproxyMap, haproxyReturn, haproxyTcp } from "../peers/haproxy.ts";
import { missingModule, missingProgram } from "../peers/lookup.ts";
import { nginxProxy, nginxReturn } from "../peers/nginx.ts";
import { bareNode, graphqlHttp, httpProxy, mockttp, undiciPool } from "../peers/node-programs.ts";
import type { Peer } from "../peers/peer.ts";
import { understudy, understudyGraphql, understudyOperation } from "../peers/understudy.ts";
import {
  closingRequest,
  graphqlRelayed,
  graphqlRequest,
  hundredMegabyteRequest,
  megabyteRequest,
  mockedRequest,
  type RequestShape,
  realisticRequest,
  tinyRequest,
} from "../requests.ts";
import { compare } from "../slices.ts";
import { type Scenario, type ScenarioResult, type Surroundings, startPeers, stopPeers } from "./scenario.ts";

export interface LoadScenario {
  readonly name: string;
  readonly title: string;
  readonly unit: "request" | "MB";
  readonly reference: Peer;
  readonly others: readonly Peer[];
  readonly request: RequestShape;
  /** `missing`: what the generator needs and is not here. */
  readonly generator: {
    readonly missing: string | null;
    readonly make: (surroundings: Surroundings) => Generator;
  };
  /** At a fixed rate a compiler that watches would still be at work minutes later: as fast as it goes, then. */
  readonly warmer?: Generator;
  /** A slice is never shorter, whatever was asked for. */
  readonly leastSeconds: number;
}

const byWrk = { missing: missingProgram("wrk"), make: () => wrk };
const byBulkClient = { missing: null, make: () => bulk };
const byAutocannon = { missing: missingModule("autocannon"), make: () => autocannon };
const byH2load = {
  missing: missingProgram("h2load"),
  make: (surroundings: Surroundings) => fixedRate(surroundings.folder()),
};

/** `installed`: packages are looked up when this is called, after they were installed. */
export function loadScenarios(): readonly Scenario[] {
  const perRequest = { unit: "request", generator: byWrk, leastSeconds: 1 } as const;
  const scenarios: readonly LoadScenario[] = [
    {
      ...perRequest,
      name: "keep-alive",
      title: "Relayed request on kept-alive connections, tiny head (wrk, 32 connections)",
      request: tinyRequest,
      reference: haproxyHttp,
      others: [
        direct,
        haproxyMap,
        nginxProxy,
        httpProxy,
        undiciPool,
        understudy(10),
        understudy(1_000),
        understudy(100_000),
      ],
    },
    {
      ...perRequest,
      name: "keep-alive-realistic",
      title: "The same with a head of 625 bytes",
      request: realisticRequest,
      reference: haproxyHttp,
      others: [haproxyMap, nginxProxy, httpProxy, understudy(1_000)],
    },
    {
      ...perRequest,
      name: "keep-alive-autocannon",
      title: "The same, tiny head, driven by autocannon (32 connections)",
      request: tinyRequest,
      generator: byAutocannon,
      reference: haproxyHttp,
      others: [httpProxy, understudy(1_000)],
    },
    {
      ...perRequest,
      name: "new-connection",
      title: "A new connection for every request (wrk, Connection: close)",
      request: closingRequest,
      reference: haproxyTcp,
      others: [haproxyHttp, nginxProxy, httpProxy, understudy(1_000)],
    },
    {
      ...perRequest,
      name: "mock",
      title: "A reply of its own, no upstream (wrk, 32 connections)",
      request: mockedRequest,
      reference: bareNode,
      others: [nginxReturn, haproxyReturn, mockttp, understudy(1_000)],
    },
    {
      name: "bulk-1mb",
      title: "Bodies of 1 MB (4 connections)",
      unit: "MB",
      request: megabyteRequest,
      generator: byBulkClient,
      leastSeconds: 1,
      reference: haproxyTcp,
      others: [direct, nginxProxy, httpProxy, understudy(1_000)],
    },
    {
      name: "bulk-100mb",
      title: "Bodies of 100 MB (4 connections)",
      unit: "MB",
      request: hundredMegabyteRequest,
      generator: byBulkClient,
      leastSeconds: 2,
      reference: haproxyTcp,
      others: [direct, nginxProxy, httpProxy, understudy(1_000)],
    },
    {
      ...perRequest,
      name: "graphql-mock",
      title: "A GraphQL query of three levels, answered from a schema (wrk, 32 connections)",
      request: graphqlRequest,
      reference: graphqlHttp,
      others: [understudyGraphql],
    },
    {
      ...perRequest,
      name: "graphql-relay",
      title: "A relayed GraphQL POST past a rule on the name of its operation (wrk, 32 connections)",
      request: graphqlRelayed,
      reference: understudy(10),
      others: [understudyOperation],
    },
    {
      name: "graphql-latency",
      title: "1,000 GraphQL queries of three levels a second, answered from a schema (h2load)",
      unit: "request",
      request: graphqlRequest,
      generator: {
        missing: missingProgram("h2load"),
        make: (surroundings) => fixedRate(surroundings.folder(), 1_000),
      },
      warmer: wrk,
      leastSeconds: 2,
      reference: graphqlHttp,
      others: [understudyGraphql],
    },
    {
      name: "latency",
      title: "2,000 requests a second at a fixed rate (h2load, HTTP/1.1, 20 connections)",
      unit: "request",
      request: tinyRequest,
      generator: byH2load,
      warmer: wrk,
      leastSeconds: 2,
      reference: direct,
      others: [haproxyHttp, nginxProxy, httpProxy, understudy(1_000)],
    },
  ];
  return scenarios.map((scenario) => ({
    name: scenario.name,
    title: scenario.title,
    run: (surroundings) => runLoad(scenario, surroundings),
  }));
}

/** Starts the peers, compares them, and ends them. */
export async function runLoad(scenario: LoadScenario, surroundings: Surroundings): Promise<ScenarioResult> {
  const { name, title, unit, reference } = scenario;
  const frame = { name, title, unit, reference: reference.id, rows: [], facts: [] };
  const lacking = scenario.generator.missing ?? reference.missing();
  if (lacking !== null) return { ...frame, leftOut: [{ peer: "all", why: `${lacking} is not here` }] };
  const { servers, leftOut } = await startPeers([reference, ...scenario.others], surroundings);
  try {
    const [first, ...others] = servers;
    if (first === undefined || first.name !== reference.id) return { ...frame, leftOut };
    const seconds = Math.max(surroundings.options.seconds, scenario.leastSeconds);
    const { rows, failed } = await compare(first, others, {
      generator: scenario.generator.make(surroundings),
      ...(scenario.warmer ? { warmer: scenario.warmer } : {}),
      request: scenario.request,
      rounds: surroundings.options.slices,
      seconds,
      signal: surroundings.signal,
      progress: surroundings.progress,
    });
    return { ...frame, seconds, rows, leftOut: [...leftOut, ...failed] };
  } finally {
    await stopPeers(servers);
  }
}
