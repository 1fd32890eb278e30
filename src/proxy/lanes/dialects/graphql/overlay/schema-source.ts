// The schema behind an overlay: from a file, or asked of the upstream itself by introspection, kept for a while.

import type { GraphQLSchema, IntrospectionQuery } from "graphql";
import type { Clock } from "../../../../../core/clock.ts";
import { messageOf } from "../../../../../core/errors.ts";
import type { Exchange } from "../../../../../core/exchange.ts";
import { BoundedMap } from "../bounded-map.ts";
import type { GraphqlDeps, OwnRequest } from "../deps.ts";
import type { GraphqlLibrary } from "../library.ts";
import { ownPost } from "../wire/own-post.ts";
import { isRecord } from "../wire/params.ts";

export interface SchemaSource {
  /** null: there is none, or none could be had; then paths alone are answered. Never rejects, but for an aborted call. */
  of(exchange: Exchange): Promise<GraphQLSchema | null>;
}

const maxServers = 64;
const maxSchemaBytes = 67_108_864;
const deadlineMs = 5_000;
/** How long a schema is believed, and how long it is believed that there is none. */
const goodForMs = 600_000;
const retryAfterMs = 10_000;

export function fixedSchema(schema: GraphQLSchema | null): SchemaSource {
  return { of: async () => schema };
}

interface Known {
  readonly schema: Promise<GraphQLSchema | string>;
  untilMs: number;
}

/** One introspection at a time for each server; calls that need it wait for it, within its deadline. */
export function introspectedSchema(
  lib: GraphqlLibrary,
  deps: Pick<GraphqlDeps, "ask" | "decodeBody" | "deadline"> & { readonly clock: Clock },
): SchemaSource {
  const servers = new BoundedMap<string, Known>(maxServers);
  return {
    async of(exchange) {
      const request = introspection(exchange, lib);
      if (request === null) return null;
      const { destination, authority, path } = request;
      const key = `${request.scheme} ${destination.host} ${destination.port} ${authority} ${path}`;
      let known = servers.get(key);
      if (known === undefined || known.untilMs < deps.clock.now()) {
        const asked: Known = {
          schema: introspect(request, lib, deps),
          untilMs: deps.clock.now() + goodForMs,
        };
        known = asked;
        servers.set(key, asked);
        void asked.schema.then((found) => {
          if (typeof found === "string") asked.untilMs = deps.clock.now() + retryAfterMs;
        });
      }
      const found = await known.schema;
      if (typeof found !== "string") return found;
      exchange.note?.(`patch.graphql: no schema of the upstream, so that types are not answered: ${found}`);
      return null;
    },
  };
}

/** With the caller's own fields, because servers tell their schema to those they know. */
function introspection(exchange: Exchange, lib: GraphqlLibrary): OwnRequest | null {
  const query = lib.getIntrospectionQuery({ descriptions: false });
  return ownPost(exchange, { query, operationName: "IntrospectionQuery" });
}

/** A text: why there is none. */
async function introspect(
  request: OwnRequest,
  lib: GraphqlLibrary,
  { ask, decodeBody, deadline }: Pick<GraphqlDeps, "ask" | "decodeBody" | "deadline">,
): Promise<GraphQLSchema | string> {
  try {
    const reply = await ask(request, maxSchemaBytes, deadline(deadlineMs));
    const encoding = reply.headers.find(([name]) => name.toLowerCase() === "content-encoding")?.[1];
    const plain = decodeBody(reply.body, encoding, maxSchemaBytes);
    if (plain === null) return "the answer to the introspection could not be decoded";
    const value: unknown = JSON.parse(Buffer.from(plain).toString("utf8"));
    if (!isRecord(value) || !isRecord(value.data))
      return `the introspection was refused with ${reply.status}`;
    // buildClientSchema checks what the cast claims.
    return lib.buildClientSchema(value.data as unknown as IntrospectionQuery);
  } catch (thrown) {
    return messageOf(thrown);
  }
}
