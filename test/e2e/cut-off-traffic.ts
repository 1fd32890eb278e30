// Run inside the sidecar's network by store-cut-off.test.ts: an upstream, and one call after the other through the sidecar to
// it. Writes a line for each answer that differs from the one before, and a last one with the count when stdin ends.

import { Agent, createServer, get } from "node:http";

const [, , upstreamPort, sidecarPort] = process.argv.map(Number);
const agent = new Agent({ keepAlive: true });
const lost: string[] = [];
let [calls, last, going] = [0, "", true];

const upstream = createServer((_request, response) => response.end("real"));
upstream.listen(upstreamPort, "127.0.0.1", () => console.log(JSON.stringify({ ready: true })));
process.stdin.on("end", () => {
  going = false;
});
process.stdin.resume();

while (going) {
  await call().then(
    (body) => {
      calls++;
      if (body !== last) console.log(JSON.stringify({ body, atMs: Date.now() }));
      last = body;
    },
    (thrown) => {
      // Until the sidecar is there, nobody is.
      if (last !== "") lost.push(String(thrown));
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(JSON.stringify({ calls, lost }));
agent.destroy();
upstream.close();
upstream.closeAllConnections();

function call(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = get({ host: "127.0.0.1", port: sidecarPort, agent, timeout: 2_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${response.statusCode} ${body}`)),
      );
      response.on("error", reject);
    });
    asking.on("timeout", () => asking.destroy(new Error("too slow")));
    asking.on("error", reject);
  });
}
