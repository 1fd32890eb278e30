// From the start of the process until it accepts.

import { haproxyHttp } from "../peers/haproxy.ts";
import { nginxProxy } from "../peers/nginx.ts";
import { httpProxy } from "../peers/node-programs.ts";
import { understudy } from "../peers/understudy.ts";
import { median } from "../slices.ts";
import { type Fact, type Scenario, startPeers, stopPeers } from "./scenario.ts";

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
      const times: number[] = [];
      for (let round = 0; round < Math.min(surroundings.options.slices, 5); round++) {
        const started = await startPeers([peer], surroundings);
        times.push(...started.servers.map(({ startMs }) => startMs));
        await stopPeers(started.servers);
        if (started.leftOut.length > 0) {
          leftOut.push(...started.leftOut);
          break;
        }
      }
      if (times.length === 0) continue;
      facts.push({ peer: peer.id, name: "accepting after", value: median(times), unit: "ms" });
      surroundings.progress(`${peer.id}: accepting after ${median(times).toFixed(0)} ms`);
    }
    return { name: this.name, title: this.title, unit: "request", reference: "", rows: [], facts, leftOut };
  },
};
