// Peers that are Node programs: what one would write, or install, to do this in Node.

import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { freePort, startServer } from "../processes.ts";
import { mockBody } from "../requests.ts";
import { missingModule } from "./lookup.ts";
import type { Peer } from "./peer.ts";
import { shopSchema } from "./understudy.ts";

export const httpProxy = program("http-proxy", "http-proxy 1.18", "http-proxy", (up) => String(up));
export const undiciPool = program("undici", "node:http + undici Pool", "undici", (up) => String(up));
export const http2Proxy = program("http2-proxy", "node:http2, stream by stream", null, (up) => String(up));
export const bareNode = program("bare-node", "bare node:http handler", null, () => mockBody);
export const graphqlHttp = program(
  "graphql-http",
  "graphql-http with the same resolvers",
  null,
  () => shopSchema,
);
export const socketRelay = program("socket-relay", "two ws sockets, each message sent on", null, (up) =>
  String(up),
);
export const mockttp = program("mockttp", "mockttp 4", "mockttp", () => mockBody);

/** `needs`: its npm package. `argument`: what the program takes after its port. */
function program(
  id: string,
  title: string,
  needs: string | null,
  argument: (upstreamPort: number) => string,
): Peer {
  const names: Record<string, string> = { undici: "undici-pool.js", "graphql-http": "graphql-http.ts" };
  const file = fileURLToPath(new URL(`../programs/${names[id] ?? `${id}.js`}`, import.meta.url));
  return {
    id,
    title,
    missing: () => (needs === null ? null : missingModule(needs)),
    async start({ upstreamPort }) {
      const port = await freePort();
      const args = [file, String(port), argument(upstreamPort)];
      const env = { NODE_ENV: "production" };
      return startServer({ name: id, command: process.execPath, args, core: cores.proxy, env }, port);
    },
  };
}
