// Ours, compiled as the package ships it, with everything on that a sidecar has on: rules, metrics, access log.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { freePort, startServer } from "../processes.ts";
import { calledHost, echoRequest, mockBody, mockedRequest } from "../requests.ts";
import { rulesOf } from "../rules.ts";
import type { SecureUpstream } from "../secure.ts";
import type { Peer } from "./peer.ts";

/** Of the mocked GraphQL server. */
export const shopSchema = fileURLToPath(new URL("../shop.graphql", import.meta.url));

/** `rules`: how many stand there. None but one claims a call of the generator, and that one only /mocked. */
export function understudy(rules: number): Peer {
  const title = `${rules.toLocaleString("en")} rules, metrics, access log`;
  return understudyWith(`understudy-${rules}`, title, written(rules));
}

/** As many rules, none of which claims a call of the generator. */
export const understudyUnclaimed = understudyWith(
  "understudy-unclaimed",
  "1,000 rules, none claims a call",
  written(1_000).slice(0, -1),
);

/** Rules for another destination: no connection of the generator can be meant. */
export const understudyElsewhere = understudyWith(
  "understudy-elsewhere",
  "1,000 rules for another destination",
  written(1_000).map((rule, index) => ({
    ...rule,
    name: `elsewhere-${index}`,
    matches: [{ destination: "192.0.2.0/24", path: `/v1/thing-${index}` }],
  })),
);

/** A thousand rules, each for a gRPC method that nobody calls. */
export const understudyGrpc = understudyWith(
  "understudy-grpc",
  "1,000 rules on gRPC methods, metrics, access log",
  Array.from({ length: 1_000 }, (_, index) => ({
    name: `method-${index}`,
    matches: [{ host: calledHost, grpc: { service: `shop.v${index}.Inventory`, method: "Check" } }],
    respond: { grpc: { status: "UNAVAILABLE" } },
  })),
);

/** Told not to read. */
export const understudyOpaque = understudyWith(
  "understudy-opaque",
  "relaying unread",
  written(10),
  "opaqueHosts: [127.0.0.1]",
);

/** Answers from a schema whatever it is asked. */
export const understudyGraphql = understudyWith("understudy-graphql", "a mocked schema", [
  { name: "shop", respond: { graphql: { schema: shopSchema } } },
]);

/** Looks at every operation, and claims none of those that are sent. */
export const understudyOperation = understudyWith("understudy-operation", "a rule on an operation name", [
  {
    name: "other",
    matches: [{ host: calledHost, graphql: { operation: "Other" } }],
    respond: { graphql: { data: {} } },
  },
]);

/** One more rule, which looks into every message of the WebSocket and finds in none what it looks for. */
export const understudyLooking = understudyWith("understudy-looking", "a rule looks into every message", [
  ...written(1_000),
  {
    name: "look",
    matches: [
      { host: calledHost, websocket: { path: echoRequest.path }, message: { contains: "never said" } },
    ],
    fault: { websocket: { closeCode: 1013 } },
  },
]);

const secureTitle = "TLS opened, 1,000 rules, metrics, access log";
export const understudySecureTitle = `**Understudy**, ${secureTitle}`;

/** TLS opened, since one of the rules is for that host, and made anew towards the upstream. */
export function understudySecure({ caDir, trust }: SecureUpstream): Peer {
  const rules = [
    ...written(1_000),
    { name: "secure", matches: [{ host: "localhost", path: "/never" }], respond: { status: 503 } },
  ];
  const words = ["--ca-dir", caDir, "--upstream-cas", trust];
  return understudyWith("understudy-tls", secureTitle, rules, "", words);
}

function understudyWith(
  id: string,
  title: string,
  rules: readonly object[],
  config = "",
  words: readonly string[] = [],
): Peer {
  return {
    id,
    title: `**Understudy**, ${title}`,
    missing: () => null,
    async start({ upstreamPort, folder, program }) {
      if (program === null) throw new Error("the build failed");
      const [port, adminPort] = [await freePort(), await freePort()];
      const file = join(folder, "rules.json");
      writeFileSync(file, JSON.stringify({ version: 1, rules }));
      const configFile = join(folder, "understudy.yaml");
      writeFileSync(configFile, config);
      const args = [program, "proxy", "--listen", `127.0.0.1:${port}`, "--to", `127.0.0.1:${upstreamPort}`];
      const more = ["--rules", file, "--config", configFile, "--admin", `127.0.0.1:${adminPort}`, ...words];
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
