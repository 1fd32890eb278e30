// Peer for mocked GraphQL: a graphql-http server on node:http with the very resolvers that ours has. Arguments: port, schema.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { graphqlLibrary } from "../../src/proxy/lanes/dialects/graphql/library.ts";
import { Generator } from "../../src/proxy/lanes/dialects/graphql/mock/generate.ts";
import { createResolver, createTypeResolver } from "../../src/proxy/lanes/dialects/graphql/mock/resolve.ts";

/** Of the project, not of bench/node_modules: a peer there brings an older graphql, and two do not mix. */
const { createHandler }: typeof import("../../node_modules/graphql-http/lib/use/http.js") = createRequire(
  new URL("../../package.json", import.meta.url),
)("graphql-http/lib/use/http");

const [port, file = ""] = process.argv.slice(2);
const lib = graphqlLibrary();
const schema = lib.buildSchema(readFileSync(file, "utf8"));
const deps = {
  ...{ lib, schema, listLength: 2, overrides: new Map(), state: {} },
  generator: new Generator({ lib, schema, seed: 0 }),
  wait: async () => undefined,
};
const fieldResolver = createResolver(deps);
const typeResolver = createTypeResolver(deps);
const handler = createHandler({
  schema,
  context: () => ({ made: 0, variables: {} }),
  execute: (args) => lib.execute({ ...args, fieldResolver, typeResolver }),
});
createServer((request, response) => void handler(request, response)).listen(Number(port), "127.0.0.1");
