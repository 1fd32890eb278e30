// From the start of the process until it accepts, and until it has answered a call as its rules say.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { haproxyHttp } from "../peers/haproxy.ts";
import { nginxProxy } from "../peers/nginx.ts";
import { httpProxy } from "../peers/node-programs.ts";
import type { Peer } from "../peers/peer.ts";
import { understudy } from "../peers/understudy.ts";
import { calledHost, tinyRequest } from "../requests.ts";
import { median } from "../slices.ts";
import { type Fact, type Scenario, type Surroundings, startPeers, stopPeers } from "./scenario.ts";

/** What a sidecar takes to keep the rules that it has read. */
const keepingMs = 2_000;

/** The first call of a sidecar that has served with these very rules before. */
const readBefore = "with rules read before";

export const start: Scenario = {
  name: "start",
  title: "From start to accepting",
  async run(surroundings) {
    const facts: Fact[] = [];
    const leftOut: { peer: string; why: string }[] = [];
    for (const peer of [
      understudy(10),
      understudy(1_000),
      understudy(100_000),
      haproxyHttp,
      nginxProxy,
      httpProxy,
    ]) {
      const { times, served, missing } = await startAgain(peer, surroundings);
      leftOut.push(...missing);
      if (times.length === 0) continue;
      facts.push({ peer: peer.id, name: "accepting after", value: median(times), unit: "ms" });
      facts.push({ peer: peer.id, name: "first call served after", value: median(served), unit: "ms" });
      const [accepting, serving] = [median(times), median(served)].map((ms) => ms.toFixed(0));
      surroundings.progress(
        `${peer.id}: accepting after ${accepting} ms, first call served after ${serving} ms`,
      );
    }
    const again = await startAgain(withOneFolder(understudy(1_000), surroundings.folder()), surroundings);
    if (again.served.length > 0)
      facts.push({ peer: "understudy-1000", name: readBefore, value: median(again.served), unit: "ms" });
    return { name: this.name, title: this.title, unit: "request", reference: "", rows: [], facts, leftOut };
  },
};

interface Starts {
  /** Milliseconds until it accepted, and until it had answered. */
  readonly times: readonly number[];
  readonly served: readonly number[];
  readonly missing: readonly { readonly peer: string; readonly why: string }[];
}

async function startAgain(peer: Peer, surroundings: Surroundings): Promise<Starts> {
  const times: number[] = [];
  const served: number[] = [];
  for (let round = 0; round < Math.min(surroundings.options.slices, 5); round++) {
    const { servers, leftOut } = await startPeers([peer], surroundings);
    for (const server of servers) {
      times.push(server.startMs);
      const accepted = performance.now();
      await firstCall(server.port, surroundings.signal);
      served.push(server.startMs + performance.now() - accepted);
    }
    await stopPeers(servers);
    if (leftOut.length > 0) return { times, served, missing: leftOut };
  }
  return { times, served, missing: [] };
}

/** Whatever it writes is at the same place at each start; the first start is none of those that are measured. */
function withOneFolder(peer: Peer, folder: string): Peer {
  let isFirst = true;
  return {
    ...peer,
    async start(context) {
      if (isFirst) {
        isFirst = false;
        const server = await peer.start({ ...context, folder });
        await firstCall(server.port, AbortSignal.timeout(60_000));
        await sleep(keepingMs);
        await server.stop();
      }
      return peer.start({ ...context, folder });
    },
  };
}

/** Until the first byte of an answer. A call that comes before the rules are in force waits for them. */
function firstCall(port: number, signal: AbortSignal): Promise<void> {
  return new Promise((settle, fail) => {
    const socket = connect({ port, host: "127.0.0.1", signal });
    const end = (error?: Error) => {
      socket.destroy();
      if (error) fail(error);
      else settle();
    };
    socket.setTimeout(60_000, () => end(new Error(`port ${port}: no answer to the first call within 60 s`)));
    socket.once("error", end);
    socket.once("data", () => end());
    socket.write(`GET ${tinyRequest.path} HTTP/1.1\r\nHost: ${calledHost}\r\n\r\n`);
  });
}
