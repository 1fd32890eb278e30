// HTTP/2 with prior knowledge, on both sides: what a call costs on few connections with many streams, and the other way round.

import { h2load } from "../generators/h2load.ts";
import { haproxyHttp2 } from "../peers/haproxy.ts";
import { missingProgram } from "../peers/lookup.ts";
import { nginxGrpc } from "../peers/nginx.ts";
import { http2Proxy } from "../peers/node-programs.ts";
import {
  understudy,
  understudyElsewhere,
  understudyGrpc,
  understudyOpaque,
  understudyUnclaimed,
} from "../peers/understudy.ts";
import { grpcRequest, mockedRequest, tinyRequest } from "../requests.ts";
import { startHttp2Upstream } from "../upstream.ts";
import { type LoadScenario, runLoad } from "./load.ts";
import type { Scenario } from "./scenario.ts";

function byH2load(
  connections: number,
  streams: number,
  oneInTen: string | null = null,
): LoadScenario["generator"] {
  const shape = { connections, streams, oneInTen };
  return { missing: missingProgram("h2load"), make: ({ folder }) => h2load(shape, folder()) };
}

const perCall = { unit: "request", request: tinyRequest, leastSeconds: 2 } as const;

const scenarios: readonly LoadScenario[] = [
  {
    ...perCall,
    name: "h2-4x32",
    title: "Relayed HTTP/2 calls, 4 connections × 32 streams (h2load)",
    generator: byH2load(4, 32),
    reference: haproxyHttp2,
    others: [nginxGrpc, http2Proxy, understudy(1_000)],
  },
  {
    ...perCall,
    name: "h2-32x1",
    title: "The same, 32 connections × 1 stream",
    generator: byH2load(32, 1),
    reference: haproxyHttp2,
    others: [nginxGrpc, http2Proxy, understudy(1_000)],
  },
  {
    ...perCall,
    name: "grpc-4x32",
    title: "Relayed unary gRPC calls, 4 connections × 32 streams",
    request: grpcRequest,
    generator: byH2load(4, 32),
    reference: haproxyHttp2,
    others: [nginxGrpc, understudyGrpc],
  },
  {
    ...perCall,
    name: "grpc-32x1",
    title: "The same, 32 connections × 1 stream",
    request: grpcRequest,
    generator: byH2load(32, 1),
    reference: haproxyHttp2,
    others: [nginxGrpc, understudyGrpc],
  },
  {
    ...perCall,
    name: "h2-mixed",
    title: "One stream in ten mocked, 4 connections × 32 streams",
    generator: byH2load(4, 32, mockedRequest.path),
    reference: understudyUnclaimed,
    others: [understudy(1_000)],
  },
  {
    ...perCall,
    name: "h2-unconcerned",
    title: "Connections that no rule concerns, 4 × 32",
    generator: byH2load(4, 32),
    reference: understudyOpaque,
    others: [understudyElsewhere, haproxyHttp2],
  },
];

/** Each has an upstream of its own, which speaks HTTP/2. */
export function http2Scenarios(): readonly Scenario[] {
  return scenarios.map((scenario) => ({
    name: scenario.name,
    title: scenario.title,
    async run(surroundings) {
      const upstream = await startHttp2Upstream(surroundings.folder());
      try {
        return await runLoad(scenario, { ...surroundings, upstream });
      } finally {
        await upstream.stop();
      }
    },
  }));
}
