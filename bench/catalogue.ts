// Every scenario, in the order in which they run, and the names of all peers.

import { direct } from "./peers/direct.ts";
import {
  haproxyHttp,
  haproxyHttp2,
  haproxyMap,
  haproxyReturn,
  haproxySecureTitle,
  haproxyTcp,
} from "./peers/haproxy.ts";
import { nginxGrpc, nginxProxy, nginxReturn } from "./peers/nginx.ts";
import {
  bareNode,
  graphqlHttp,
  http2Proxy,
  httpProxy,
  mockttp,
  socketRelay,
  undiciPool,
} from "./peers/node-programs.ts";
import {
  understudy,
  understudyElsewhere,
  understudyGraphql,
  understudyGrpc,
  understudyLooking,
  understudyOpaque,
  understudyOperation,
  understudySecureTitle,
  understudyUnclaimed,
} from "./peers/understudy.ts";
import { decision } from "./scenarios/decision.ts";
import { http2Scenarios } from "./scenarios/http2.ts";
import { loadScenarios } from "./scenarios/load.ts";
import { memory } from "./scenarios/memory.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { secureScenarios } from "./scenarios/secure.ts";
import { socketScenarios } from "./scenarios/sockets.ts";
import { start } from "./scenarios/start.ts";

/** Those whose name begins with one of `only`; all where it is empty. */
export function scenariosFor(only: readonly string[]): readonly Scenario[] {
  const all = [
    ...loadScenarios(),
    ...http2Scenarios(),
    ...secureScenarios,
    ...socketScenarios,
    memory,
    start,
    decision,
  ];
  return only.length === 0
    ? all
    : all.filter(({ name }) => only.some((beginning) => name.startsWith(beginning)));
}

/** Of peers that are made with their upstream. */
const secureTitles: Readonly<Record<string, string>> = {
  "haproxy-tls": haproxySecureTitle,
  "understudy-tls": understudySecureTitle,
};

/** For people; the id itself where it is no peer's. */
export function titleOf(id: string): string {
  const peers = [
    ...[direct, haproxyHttp, haproxyMap, haproxyTcp, haproxyReturn, nginxProxy, nginxReturn],
    ...[graphqlHttp, understudyGraphql, understudyOperation],
    ...[haproxyHttp2, nginxGrpc, http2Proxy, understudyElsewhere, understudyOpaque, understudyUnclaimed],
    understudyGrpc,
    ...[httpProxy, undiciPool, bareNode, mockttp, socketRelay, understudyLooking],
    ...[understudy(10), understudy(1_000), understudy(100_000)],
  ];
  return peers.find((peer) => peer.id === id)?.title ?? secureTitles[id] ?? id;
}
