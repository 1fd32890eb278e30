// Ours, compiled as the package ships it, with everything on that a sidecar has on: rules, metrics, access log.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { freePort, startServer } from "../processes.ts";
import { calledHost, mockBody, mockedRequest } from "../requests.ts";
import { rulesOf } from "../rules.ts";
import type { Peer } from "./peer.ts";

/** Of the mocked GraphQL server. */
export const shopSchema = fileURLToPath(new URL("../shop.graphql", import.meta.url));

/** `rules`: how many stand there. None but one claims a call of the generator, and that one only /mocked. */
export function understudy(rules: number): Peer {
  const title = `**Understudy**, ${rules.toLocaleString("en")} rules, metrics, access log`;
  return understudyWith(`understudy-${rules}`, title, written(rules));
}

/** Answers from a schema whatever it is asked. */
export const understudyGraphql = understudyWith("understudy-graphql", "**Understudy**, a mocked schema", [
  { name: "shop", respond: { graphql: { schema: shopSchema } } },
]);

/** Looks at every operation, and claims none of those that are sent. */
export const understudyOperation = understudyWith(
  "understudy-operation",
  "**Understudy**, a rule on an operation name",
  [
    {
      name: "other",
      matches: [{ host: calledHost, graphql: { operation: "Other" } }],
      respond: { graphql: { data: {} } },
    },
  ],
);

function understudyWith(id: string, title: string, rules: readonly object[]): Peer {
  return {
    id,
    title,
    missing: () => null,
    async start({ upstreamPort, folder, program }) {
      if (program === null) throw new Error("the build failed");
      const [port, adminPort] = [await freePort(), await freePort()];
      const file = join(folder, "rules.json");
      writeFileSync(file, JSON.stringify({ version: 1, rules }));
      const args = [program, "proxy", "--listen", `127.0.0.1:${port}`, "--to", `127.0.0.1:${upstreamPort}`];
      const more = ["--rules", file, "--admin", `127.0.0.1:${adminPort}`];
      const launch = { name: id, command: process.execPath, core: cores.proxy };
      return startServer({ ...launch, args: [...args, ...more] }, port);
    },
  };
}

/** As a user writes them. */
function written(count: number): readonly object[] {
  const others = rulesOf(count - 1).map(({ name, host, method, path, byPrefix }) => ({
    name,
    matches: [{ host, ...(method === null ? {} : { method }), path: byPrefix ? { prefix: path } : path }],
    respond: { status: 503 },
  }));
  const mock = {
    name: "mock",
    matches: [{ host: calledHost, path: mockedRequest.path }],
    respond: { status: 200, headers: { "content-type": "application/json" }, body: mockBody },
  };
  return [...others, mock];
}
