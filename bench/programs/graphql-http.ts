// Peer for mocked GraphQL: a graphql-http server on node:http with the very resolvers that ours has. Arguments: port, schema.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { buildSchema, execute } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";
import { graphqlLibrary } from "../../src/proxy/lanes/dialects/graphql/library.ts";
import { Generator } from "../../src/proxy/lanes/dialects/graphql/mock/generate.ts";
import { createResolver, createTypeResolver } from "../../src/proxy/lanes/dialects/graphql/mock/resolve.ts";

const [port, file = ""] = process.argv.slice(2);
const lib = graphqlLibrary();
const schema = buildSchema(readFileSync(file, "utf8"));
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
  execute: (args) => execute({ ...args, fieldResolver, typeResolver }),
});
createServer((request, response) => void handler(request, response)).listen(Number(port), "127.0.0.1");
