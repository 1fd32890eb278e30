// From the start of the process until it accepts, and until it has answered a call as its rules say.

import { connect } from "node:net";
import { haproxyHttp } from "../peers/haproxy.ts";
import { nginxProxy } from "../peers/nginx.ts";
import { httpProxy } from "../peers/node-programs.ts";
import { understudy } from "../peers/understudy.ts";
import { calledHost, tinyRequest } from "../requests.ts";
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
      const served: number[] = [];
      for (let round = 0; round < Math.min(surroundings.options.slices, 5); round++) {
        const started = await startPeers([peer], surroundings);
        for (const server of started.servers) {
          times.push(server.startMs);
          const accepted = performance.now();
          await firstCall(server.port, surroundings.signal);
          served.push(server.startMs + performance.now() - accepted);
        }
        await stopPeers(started.servers);
        if (started.leftOut.length > 0) {
          leftOut.push(...started.leftOut);
          break;
        }
      }
      if (times.length === 0) continue;
      facts.push({ peer: peer.id, name: "accepting after", value: median(times), unit: "ms" });
      facts.push({ peer: peer.id, name: "first call served after", value: median(served), unit: "ms" });
      const [accepting, serving] = [median(times), median(served)].map((ms) => ms.toFixed(0));
      surroundings.progress(
        `${peer.id}: accepting after ${accepting} ms, first call served after ${serving} ms`,
      );
    }
    return { name: this.name, title: this.title, unit: "request", reference: "", rows: [], facts, leftOut };
  },
};

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
