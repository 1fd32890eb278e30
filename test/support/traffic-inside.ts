// Run inside a sidecar's network by traffic.ts: an upstream, one call after the other through the sidecar to it, each path in
// its turn, and whatever a test wants to ask there. Writes a line of JSON for each answer that differs from the path's one
// before, one for each question that came on stdin, and a last one with the count when stdin ends.

import { Agent, createServer, request } from "node:http";
import { createInterface } from "node:readline";
import type { InsideAnswer, InsideQuestion } from "./traffic.ts";

const [, , upstreamPort, sidecarPort, ...paths] = process.argv;
const agent = new Agent({ keepAlive: true });
/** On a machine that is busy with much else. */
const lostAfterMs = 10_000;
const lost: string[] = [];
const bodies = new Map<string, string>();
let [calls, going] = [0, true];

const upstream = createServer((_request, response) => response.end("real"));
upstream.listen(Number(upstreamPort), "127.0.0.1");
const questions = createInterface({ input: process.stdin });
questions.on("line", (line) => void answer(JSON.parse(line) as InsideQuestion));
questions.on("close", () => {
  going = false;
});

for (let turn = 0; going; turn++) {
  const path = paths[turn % paths.length] ?? "/";
  await call("GET", `http://127.0.0.1:${sidecarPort}${path}`, agent, lostAfterMs).then(
    ({ status, body }) => {
      calls++;
      if (status !== 200) lost.push(`${path}: ${status} ${body}`);
      if (body !== bodies.get(path)) say({ path, body, atMs: Date.now() });
      bodies.set(path, body);
    },
    (thrown) => {
      // Until the sidecar is there, nobody is.
      if (bodies.size > 0) lost.push(`${path}: ${thrown}`);
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
}
say({ calls, lost });
agent.destroy();
upstream.close();
upstream.closeAllConnections();

async function answer({ id, method, url }: InsideQuestion): Promise<void> {
  const got = await call(method, url, undefined, 60_000).catch((thrown) => ({
    status: 0,
    body: String(thrown),
  }));
  say({ id, ...got });
}

function say(words: InsideAnswer): void {
  console.log(JSON.stringify(words));
}

function call(method: string, url: string, over: Agent | undefined, timeout: number) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const asking = request(url, { method, timeout, ...(over ? { agent: over } : {}) }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    asking.on("timeout", () => asking.destroy(new Error("too slow")));
    asking.on("error", reject);
    asking.end();
  });
}
