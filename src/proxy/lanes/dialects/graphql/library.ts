// graphql-js, loaded with the first rule that speaks GraphQL: most rule sets have none, and it takes some 15 MB.

import { createRequire } from "node:module";

const load = createRequire(import.meta.url);

export type GraphqlLibrary = typeof import("graphql");

/** One and the same module for everybody: its classes are compared by identity. */
export function graphqlLibrary(): GraphqlLibrary {
  return load("graphql") as GraphqlLibrary; // the cast says what the module is
}
